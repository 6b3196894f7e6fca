/** The payload of an execution, as its event log tells it: what a retry would go on with. Pure. */

import { isObject, type Step } from "../workflows/definition";
import { ownStep, type Entry } from "./spans";

const OUTPUTS: Readonly<Record<string, string>> = {
  step_succeeded: "output",
  resumed: "body",
  job_ended: "result",
  child_ended: "output",
};

export function payloadAfter(entries: readonly Entry[], steps: readonly Step[]): unknown {
  const known = new Map(steps.map((step) => [step.id, step]));
  let payload: unknown = null;
  for (const entry of entries) {
    if (entry.type === "execution_started") {
      payload = isObject(entry.recorded) ? entry.recorded.payload : entry.input;
      continue;
    }
    const field = OUTPUTS[entry.type];
    if (field === undefined || entry.step === undefined || entry.step !== ownStep(entry.step)) continue;
    if (typeof entry.outcome === "string" && !["Succeeded", "Completed"].includes(entry.outcome)) continue;
    const step = known.get(entry.step);
    if (step?.type === "transform") payload = entry[field];
    else if (step?.result !== undefined) {
      payload = placed(payload, entry[field], keysOf(step.result.at), step.result.mode);
    }
  }
  return payload;
}

function keysOf(at: string | undefined): string[] {
  return at === undefined || at === "" ? [] : at.split(".");
}

/** Where the way is blocked the step has failed, and the payload is as before. */
function placed(payload: unknown, output: unknown, keys: readonly string[], mode: string): unknown {
  const [key, ...rest] = keys;
  if (key === undefined) {
    if (mode !== "merge") return output;
    return isObject(output) && (payload === null || isObject(payload)) ? { ...payload, ...output } : payload;
  }
  if (payload !== null && !isObject(payload)) return payload;
  return { ...payload, [key]: placed(payload?.[key] ?? null, output, rest, mode) };
}
