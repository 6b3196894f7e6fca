/** What the entries of an event log come to: each attempt of each step, from when to when. Pure. */

import type { Step } from "../workflows/definition";
import { isObject, stepsOf } from "../workflows/definition";

/** One entry of the event log; what else is in it depends on its type. */
export interface Entry {
  seq: number;
  at: number;
  type: string;
  step?: string;
  [field: string]: unknown;
}

/** `pause` is the time before another try. */
export type Kind = "work" | "wait" | "answer" | "pause";
export type Outcome = "open" | "succeeded" | "failed" | "cancelled";

export interface Failure {
  name: string;
  message: string;
}

export interface Span {
  /** The path of the step: within maps with the number of the item, `each[3].call`. */
  step: string;
  kind: Kind;
  attempt: number;
  from: number;
  /** Null while it goes on. */
  to: number | null;
  /** When it is over at the latest, or the next try begins. */
  due: number | null;
  outcome: Outcome;
  input: unknown;
  output: unknown;
  error: Failure | null;
  /** Where an error connection led on to. */
  caught: string | null;
}

const KINDS: Readonly<Record<string, Kind>> = { wait: "wait", wait_for_response: "answer" };
/** In the graph there is little room. */
const SHORT: Readonly<Record<string, string>> = {
  "Waits for an answer": "Waits",
  "Will be tried again": "Retries",
  "Paused before another try": "Stopped",
  "Failed, caught": "Failed",
};
const GOOD = ["Succeeded", "Completed"];
const OUTPUTS: Readonly<Record<string, string>> = {
  step_succeeded: "output",
  resumed: "body",
  job_ended: "result",
  child_ended: "output",
};

/** The entries of a log on the wire; what is none is left out. */
export function entriesOf(values: readonly unknown[]): Entry[] {
  return values.filter(
    (value): value is Entry =>
      isObject(value) &&
      typeof value.seq === "number" &&
      typeof value.at === "number" &&
      typeof value.type === "string",
  );
}

/** The step of the workflow itself that a path is of, or within. */
export function ownStep(path: string): string {
  return path.split(/[.[#]/, 1)[0] ?? path;
}

/** The types of steps by their paths without numbers of items: `each.call` is `http`. */
export function typesOf(steps: readonly Step[], prefix = ""): Map<string, string> {
  const found = new Map<string, string>();
  for (const step of steps) {
    found.set(prefix + step.id, step.type);
    const inner = typesOf(stepsOf(step.config?.steps), `${prefix}${step.id}.`);
    inner.forEach((type, path) => found.set(path, type));
  }
  return found;
}

/** Every attempt of every step, in the order in which they began. */
export function spansOf(entries: readonly Entry[], steps: readonly Step[]): Span[] {
  const types = typesOf(steps);
  const spans: Span[] = [];
  const last = new Map<string, Span>();
  const begin = (path: string, kind: Kind, entry: Entry, more: Partial<Span> = {}): Span => {
    const attempt = typeof entry.attempt === "number" ? entry.attempt : (last.get(path)?.attempt ?? 1);
    const span: Span = {
      step: path, kind, attempt, from: entry.at, to: null, due: null, outcome: "open",
      input: null, output: null, error: null, caught: null, ...more,
    }; // prettier-ignore
    spans.push(span);
    last.set(path, span);
    return span;
  };
  /** The open attempt of the step; a light step has none, and begins where it ends. */
  const openOf = (path: string, entry: Entry): Span => {
    const found = last.get(path);
    return found?.to === null && found.kind !== "pause" ? found : begin(path, "work", entry);
  };
  const end = (span: Span, at: number, outcome: Outcome, more: Partial<Span> = {}) =>
    Object.assign(span, { to: at, outcome }, more);

  for (const entry of entries) {
    const path = entry.step;
    const due = typeof entry.due === "number" ? entry.due : null;
    if (entry.type.startsWith("execution_") && entry.type !== "execution_started") {
      for (const span of spans) if (span.to === null) end(span, entry.at, "cancelled");
    }
    if (path === undefined) continue;
    const outputField = OUTPUTS[entry.type];
    if (entry.type === "execution_started") {
      // One that was taken up again did not go through its trigger again.
      if (!("recorded" in entry)) {
        end(begin(path, "work", entry), entry.at, "succeeded", { output: entry.input });
      }
    } else if (entry.type === "step_started") {
      const before = last.get(path);
      if (before?.kind === "pause" && before.to === null) end(before, entry.at, "cancelled");
      const kind = KINDS[types.get(path.replaceAll(/(?:#\d+)?\[\d+\]/g, "")) ?? ""] ?? "work";
      begin(path, kind, entry, { due, input: "input" in entry ? entry.input : countOf(entry.items) });
    } else if (entry.type === "step_retrying") {
      begin(path, "pause", entry, { due });
    } else if (entry.type === "step_failed" || entry.type === "item_failed") {
      // A failure that follows an output at once is of where that output was to go.
      const before = last.get(path);
      const span = before?.to === entry.at && before.outcome === "succeeded" ? before : openOf(path, entry);
      end(span, entry.at, "failed", { error: failureOf(entry), output: null });
    } else if (entry.type === "step_cancelled") {
      const found = last.get(path);
      if (found?.to === null) end(found, entry.at, "cancelled");
    } else if (entry.type === "error_caught") {
      const found = last.get(path);
      if (found !== undefined) found.caught = typeof entry.to === "string" ? entry.to : null;
    } else if (outputField !== undefined && GOOD.includes(textOf(entry.outcome) ?? "Completed")) {
      const given = "input" in entry ? { input: entry.input } : {};
      end(openOf(path, entry), entry.at, "succeeded", { output: entry[outputField], ...given });
    }
  }
  return spans;
}

function countOf(items: unknown): unknown {
  return typeof items === "number" ? { items } : null;
}

function failureOf(entry: Entry): Failure {
  const told = isObject(entry.error) ? entry.error : entry;
  return { name: textOf(told.name) ?? "", message: textOf(told.message) ?? "" };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** How an attempt stands: a colour, and the word that says the same. */
export function standing(span: Span): { tone: "good" | "bad" | "busy" | "idle"; text: string } {
  if (span.outcome === "succeeded") return { tone: "good", text: "Succeeded" };
  if (span.outcome === "failed") {
    return { tone: "bad", text: span.caught === null ? "Failed" : "Failed, caught" };
  }
  if (span.outcome === "cancelled") {
    return { tone: "idle", text: span.kind === "pause" ? "Paused before another try" : "Stopped" };
  }
  const texts = { work: "Running", wait: "Waits", answer: "Waits for an answer", pause: "Will be tried again" };
  return { tone: "busy", text: texts[span.kind] };
}

/** How each of the workflow's own steps stands, in a word; those that were not come to are left out. */
export function standings(spans: readonly Span[]): Record<string, ReturnType<typeof standing>> {
  const found: Record<string, ReturnType<typeof standing>> = {};
  for (const span of spans) {
    if (span.step !== ownStep(span.step)) continue;
    const { tone, text } = standing(span);
    found[span.step] = { tone, text: SHORT[text] ?? text };
  }
  return found;
}

/** What waits for an answer now, the longest first: an answer goes to the first of them. */
export function questionsOf(spans: readonly Span[]): Span[] {
  return spans.filter((span) => span.kind === "answer" && span.to === null);
}
