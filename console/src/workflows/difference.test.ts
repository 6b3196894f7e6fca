import { expect, test } from "vitest";
import { difference, isNothing, isSame } from "./difference";

const START = { id: "start", type: "request" };
const version = (steps: unknown[], ways: unknown[] = [], more: Record<string, unknown> = {}) => ({
  workflow_steps: steps,
  workflow_connections: ways,
  workflow_name: "Orders",
  ...more,
});

test("steps come, go and change, field by field", () => {
  const before = version([START, { id: "a", type: "transform", config: { mode: "merge", value: { n: 1, m: 2 } } }, { id: "b", type: "wait" }]);
  const after = version([START, { id: "c", type: "wait" }, { id: "a", name: "A", type: "transform", config: { mode: "merge", value: { n: 2, m: 2 } } }]);
  const found = difference(before, after);
  expect(found.steps.map((each) => [each.kind, each.name])).toEqual([["changed", "a"], ["removed", "b"], ["added", "c"]]);
  expect(found.steps[0]?.fields).toEqual([
    { field: "config.value.n", before: 1, after: 2 },
    { field: "name", before: undefined, after: "A" },
  ]);
  expect(found.connections).toEqual([]);
});

test("connections between the same two steps are told apart", () => {
  const ways = [{ from: "a", to: "b", label: "yes" }, { from: "a", to: "b", label: "no" }];
  const found = difference(version([], ways), version([], [ways[0], { ...ways[1], label: "other" }, { from: "b", to: "c" }]));
  expect(found.connections.map((each) => [each.kind, each.name])).toEqual([["changed", "a → b (2)"], ["added", "b → c"]]);
  expect(found.connections[0]?.fields).toEqual([{ field: "label", before: "no", after: "other" }]);
});

test("what is said of the whole is compared too, and the order of fields is nothing", () => {
  const schema = { type: "object", required: ["a", "b"] };
  const before = version([START], [], { workflow_schema: schema });
  expect(isNothing(difference(before, version([{ type: "request", id: "start" }], [], { workflow_schema: { ...schema } })))).toBe(true);
  const found = difference(before, version([START], [], { workflow_name: "O", workflow_schema: { type: "object", required: ["b", "a"] } }));
  expect(found.rest.map((each) => each.field)).toEqual(["workflow_name", "workflow_schema.required"]);
});

test("the same JSON is the same", () => {
  expect(isSame({ a: [1, { b: null }] }, { a: [1, { b: null }] })).toBe(true);
  expect(isSame({ a: undefined }, { b: undefined })).toBe(false);
  expect(isSame([1], { 0: 1 })).toBe(false);
});
