import { describe, expect, it } from "vitest";
import { entriesOf, ownStep, questionsOf, spansOf, standing, standings, typesOf, type Entry } from "./spans";

const STEPS = [
  { id: "start", type: "request" },
  { id: "call", type: "http" },
  { id: "rest", type: "wait" },
  { id: "ask", type: "wait_for_response" },
  { id: "each", type: "map", config: { steps: [{ id: "nap", type: "wait" }] } },
];

/** A log whose entries come 10 ms after each other, unless they say when. */
function log(...entries: Partial<Entry>[]): Entry[] {
  return entries.map((entry, index) => ({ seq: index + 1, at: index * 10, type: "continued", ...entry }));
}

describe("the spans of a log", () => {
  it("are the attempts of each step, with the pauses between them", () => {
    const spans = spansOf(
      log(
        { type: "execution_started", step: "start", input: { n: 1 } },
        { type: "step_started", step: "call", attempt: 1, input: { url: "/a" } },
        { type: "step_failed", step: "call", attempt: 1, name: "Http.503", message: "no" },
        { type: "step_retrying", step: "call", due: 99 },
        { type: "step_started", step: "call", attempt: 2, input: { url: "/a" } },
        { type: "step_succeeded", step: "call", attempt: 2, output: { status: 200 } },
        { type: "execution_completed" },
      ),
      STEPS,
    );
    const shapes = spans.map(({ step, kind, attempt, from, to, outcome }) => [step, kind, attempt, from, to, outcome]);
    expect(shapes).toEqual([
      ["start", "work", 1, 0, 0, "succeeded"],
      ["call", "work", 1, 10, 20, "failed"],
      ["call", "pause", 1, 30, 40, "cancelled"],
      ["call", "work", 2, 40, 50, "succeeded"],
    ]);
    expect(spans[1]?.error).toEqual({ name: "Http.503", message: "no" });
    expect(spans[2]?.due).toBe(99);
    expect(spans[3]).toMatchObject({ input: { url: "/a" }, output: { status: 200 } });
    expect(standings(spans)).toEqual({
      start: { tone: "good", text: "Succeeded" },
      call: { tone: "good", text: "Succeeded" },
    });
  });

  it("of steps without a beginning take no time", () => {
    const [span] = spansOf(log({ type: "step_succeeded", step: "sum", output: 3, input: 2 }), STEPS);
    expect(span).toMatchObject({ from: 0, to: 0, outcome: "succeeded", input: 2, output: 3 });
  });

  it("tell waits from work, within maps too", () => {
    const spans = spansOf(
      log(
        { type: "step_started", step: "rest", attempt: 1, due: 500 },
        { type: "step_started", step: "ask", attempt: 1, input: {} },
        { type: "step_started", step: "each", items: 2 },
        { type: "step_started", step: "each#2[1].nap", attempt: 1, due: 70 },
      ),
      STEPS,
    );
    expect(spans.map((span) => span.kind)).toEqual(["wait", "answer", "work", "wait"]);
    expect(spans[2]?.input).toEqual({ items: 2 });
    expect(questionsOf(spans).map((span) => span.step)).toEqual(["ask"]);
    expect(standings(spans).ask).toEqual({ tone: "busy", text: "Waits" });
    expect(Object.keys(standings(spans))).toEqual(["rest", "ask", "each"]);
  });

  it("are answered, and end with the execution", () => {
    const spans = spansOf(
      log(
        { type: "step_started", step: "ask", attempt: 1 },
        { type: "step_started", step: "rest", attempt: 1 },
        { type: "resumed", step: "ask", attempt: 1, source: "TEAMS", body: { ok: true } },
        { type: "execution_terminated", reason: "" },
      ),
      STEPS,
    );
    expect(spans[0]).toMatchObject({ outcome: "succeeded", output: { ok: true }, to: 20 });
    expect(spans[1]).toMatchObject({ outcome: "cancelled", to: 30 });
    expect(questionsOf(spans)).toEqual([]);
  });

  it("fail where a job fails, and where an output cannot be put into the payload", () => {
    const spans = spansOf(
      log(
        { type: "step_started", step: "call", attempt: 1 },
        { type: "job_ended", step: "call", attempt: 1, outcome: "Failed", message: "x", at: 10 },
        { type: "step_failed", step: "call", error: { name: "Job.Failed", message: "x" }, at: 10 },
        { type: "error_caught", step: "call", to: "rest", name: "Job.Failed" },
        { type: "step_succeeded", step: "sum", output: 1, at: 50 },
        { type: "step_failed", step: "sum", error: { name: "Expression", message: "y" }, at: 50 },
      ),
      STEPS,
    );
    expect(spans).toHaveLength(2);
    expect(spans[0]).toMatchObject({ outcome: "failed", to: 10, caught: "rest" });
    expect(spans[1]).toMatchObject({ outcome: "failed", output: null, error: { name: "Expression" } });
    expect(spans.map((span) => standing(span).text)).toEqual(["Failed, caught", "Failed"]);
  });

  it("of an execution that was taken up again begin where it went on", () => {
    const spans = spansOf(
      log(
        { type: "execution_started", step: "start", input: 1 },
        { type: "execution_started", step: "start", input: 1, recorded: { payload: 2 } },
      ),
      STEPS,
    );
    expect(spans).toHaveLength(1);
  });
});

it("paths are of steps of the workflow", () => {
  expect(["a", "a[3].b", "a#2[0]", "a.b"].map(ownStep)).toEqual(["a", "a", "a", "a"]);
  expect([...typesOf(STEPS)].at(-1)).toEqual(["each.nap", "wait"]);
});

it("what is no entry is left out", () => {
  expect(entriesOf([null, 3, { seq: 1, at: 2 }, { seq: 1, at: 2, type: "x" }])).toHaveLength(1);
});
