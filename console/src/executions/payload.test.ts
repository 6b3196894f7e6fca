import { expect, it } from "vitest";
import { payloadAfter } from "./payload";
import type { Entry } from "./spans";

const STEPS = [
  { id: "start", type: "request" },
  { id: "sum", type: "transform" },
  { id: "call", type: "http", result: { mode: "replace", at: "call.answer" } },
  { id: "more", type: "http", result: { mode: "merge" } },
  { id: "ask", type: "wait_for_response" },
];

function log(...entries: Partial<Entry>[]): Entry[] {
  return entries.map((entry, index) => ({ seq: index + 1, at: index, type: "", ...entry }));
}

it("the payload is what transforms made of it, with the outputs that were put into it", () => {
  const entries = log(
    { type: "execution_started", step: "start", input: { n: 1 } },
    { type: "step_succeeded", step: "sum", output: { n: 2 } },
    { type: "step_succeeded", step: "call", output: [1] },
    { type: "step_succeeded", step: "more", output: { m: 3 } },
    { type: "step_succeeded", step: "each[0].sum", output: "of an item" },
    { type: "resumed", step: "ask", body: { ok: true } },
    { type: "job_ended", step: "more", outcome: "Failed", result: { bad: 1 } },
  );
  expect(payloadAfter(entries, STEPS)).toEqual({ n: 2, call: { answer: [1] }, m: 3 });
});

it("an output that has no place leaves the payload as it was", () => {
  const start = { type: "execution_started", step: "start", input: "text" };
  expect(payloadAfter(log(start, { type: "step_succeeded", step: "more", output: 7 }), STEPS)).toBe("text");
  expect(payloadAfter(log(start, { type: "step_succeeded", step: "call", output: 7 }), STEPS)).toBe("text");
});

it("what was taken up again has the payload that it was taken up with", () => {
  const again = { type: "execution_started", step: "start", input: 1, recorded: { payload: { n: 9 } } };
  expect(payloadAfter(log({ type: "execution_started", step: "start", input: 1 }, again), STEPS)).toEqual({ n: 9 });
});
