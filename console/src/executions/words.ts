/** The entries of an event log as sentences. Pure. */

import { isObject } from "../workflows/definition";
import { reasonText } from "./reason";
import type { Entry } from "./spans";

/** What is told of the entry beside its sentence. */
const SHOWN = ["input", "output", "body", "result", "error", "message", "recorded", "by"] as const;

export function sentenceOf(entry: Entry, names: ReadonlyMap<string, string>): string {
  const text = (field: string) => (typeof entry[field] === "string" ? entry[field] : "");
  const name = (id: string) => names.get(id) ?? id;
  const step = entry.step === undefined ? "" : name(entry.step);
  const of = isObject(entry.error) ? entry.error : entry;
  const failure = { name: typeof of.name === "string" ? of.name : "", message: "" };
  const reason = text("reason") === "" ? "" : `: ${text("reason")}`;
  switch (entry.type) {
    case "execution_started":
      return "recorded" in entry ? "Taken up again" : `Started at ${step}`;
    case "step_started":
      return Number(entry.attempt ?? 1) > 1 ? `${step} began, attempt ${String(entry.attempt)}` : `${step} began`;
    case "step_succeeded":
      return `${step} succeeded`;
    case "step_failed":
      return `${step} failed. ${reasonText(failure)}`;
    case "step_retrying":
      return `${step} will be tried again`;
    case "step_cancelled":
      return `${step} was stopped`;
    case "item_failed":
      return `${step}: the item failed. ${reasonText(failure)}`;
    case "error_caught":
      return `The failure of ${step} was caught: on to ${name(text("to"))}`;
    case "branch_left":
      return `Nobody waits any more for what comes from ${name(text("source"))} to ${step}`;
    case "job_ended":
      return `The run of ${step} ended: ${text("outcome")}`;
    case "child_ended":
      return `The execution of ${step} ended: ${text("outcome")}`;
    case "resumed":
      return `${step} was answered by ${whoOf(entry) ?? text("source")}`;
    case "timer_fired":
      return "A time had come";
    case "continued":
      return "Went on where it had stopped to let others have their turn";
    case "terminate_requested":
      return `${whoOf(entry) ?? "Somebody"} asked for its end${reason}`;
    case "fail_requested":
      return `It cannot go on. ${reasonText(failure)}`;
    case "execution_completed":
      return "Completed";
    case "execution_failed":
      return `Failed. ${reasonText(failure)}`;
    case "execution_terminated":
      return `Terminated${reason}`;
    default:
      return [entry.type.replaceAll("_", " "), step].filter(Boolean).join(": ");
  }
}

/** Who did what the entry tells, as people know them. */
export function whoOf(entry: Entry): string | null {
  const by = isObject(entry.by) ? entry.by : {};
  if (by.link === true) return "whoever had the link";
  return typeof by.name === "string" ? by.name : null;
}

/** The data of the entry; null where its sentence says all of it. */
export function dataOf(entry: Entry): Record<string, unknown> | null {
  const found = SHOWN.filter((field) => entry[field] !== undefined).map((field) => [field, entry[field]]);
  return found.length === 0 ? null : (Object.fromEntries(found) as Record<string, unknown>);
}
