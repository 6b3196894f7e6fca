import { expect, it } from "vitest";
import { reasonText } from "./reason";
import { dataOf, sentenceOf } from "./words";

const NAMES = new Map([["ask", "Approval"]]);

it("events are said in sentences, with the names of their steps", () => {
  const said = (entry: Record<string, unknown>) => sentenceOf({ seq: 1, at: 0, type: "", ...entry }, NAMES);
  expect(said({ type: "step_started", step: "ask", attempt: 2 })).toBe("Approval began, attempt 2");
  expect(said({ type: "resumed", step: "ask", source: "SAP", by: { name: "ada" } })).toBe("Approval was answered by ada");
  expect(said({ type: "resumed", step: "ask", by: { link: true } })).toBe("Approval was answered by whoever had the link");
  expect(said({ type: "execution_failed", error: { name: "Http.503", message: "m" } })).toBe("Failed. The other system answered 503.");
  expect(said({ type: "execution_terminated", reason: "twice" })).toBe("Terminated: twice");
  expect(said({ type: "something_new", step: "x" })).toBe("something new: x");
});

it("the data of an event is what its sentence leaves out", () => {
  expect(dataOf({ seq: 1, at: 0, type: "x", step: "a", output: null })).toEqual({ output: null });
  expect(dataOf({ seq: 1, at: 0, type: "x", step: "a" })).toBeNull();
});

it("failures have reasons in plain words, whatever their names", () => {
  const reason = (name: string) => reasonText({ name, message: "" });
  expect(reason("Timeout")).toBe("It took longer than it may.");
  expect(reason("Function.ValueError")).toBe("Its code raised an error.");
  expect(reason("Brand.New")).toBe("It failed: Brand.New.");
});
