import { expect, test } from "vitest";
import { connectionsOf, stepsOf } from "./definition";
import { pathThrough, placed, STEP_HEIGHT, STEP_WIDTH } from "./layout";

const steps = (...ids: string[]) => ids.map((id) => ({ id, type: "transform" }));
const ways = (...pairs: [string, string][]) => pairs.map(([from, to]) => ({ from, to }));

test("a step stands below the one before it", () => {
  const found = placed(steps("a", "b", "c"), ways(["a", "b"], ["b", "c"]));
  const [a, b, c] = found.steps.map((each) => each.y);
  expect(b).toBeGreaterThanOrEqual((a ?? 0) + STEP_HEIGHT);
  expect(c).toBeGreaterThanOrEqual((b ?? 0) + STEP_HEIGHT);
  expect(new Set(found.steps.map((each) => each.x)).size).toBe(1);
});

test("no two steps lie on each other, whatever is forked and joined", () => {
  const ids = Array.from({ length: 30 }, (_, n) => `s${n}`);
  const pairs = ids.slice(1).map((id, n): [string, string] => [`s${Math.floor(n / 3)}`, id]);
  const { steps: found } = placed(steps(...ids), ways(...pairs, ["s29", "s0"]));
  for (const one of found) {
    for (const other of found) {
      if (one === other) continue;
      const apart =
        Math.abs(one.x - other.x) >= STEP_WIDTH || Math.abs(one.y - other.y) >= STEP_HEIGHT;
      expect(apart, `${one.step.id} and ${other.step.id}`).toBe(true);
    }
  }
});

test("a way begins at its step and ends at the next, back and to itself too", () => {
  const found = placed(steps("a", "b"), ways(["a", "b"], ["b", "a"], ["b", "b"]));
  const [a, b] = found.steps;
  const [there, back, around] = found.connections.map((each) => each.points);
  expect(there?.[0]?.y).toBe((a?.y ?? 0) + STEP_HEIGHT);
  expect(there?.at(-1)?.y).toBe(b?.y);
  expect(back?.[0]?.y).toBeGreaterThan(back?.at(-1)?.y ?? Infinity);
  expect(around?.length).toBeGreaterThan(2);
});

test("ways between the same two steps each have their label", () => {
  const found = placed(steps("a", "b"), [
    { from: "a", to: "b", label: "yes" },
    { from: "a", to: "b", on: "error", errors: ["Timeout"] },
    { from: "a", to: "b" },
  ]);
  expect(found.connections.map((each) => each.label?.text)).toEqual(["yes", "on Timeout", undefined]);
  expect(new Set(found.connections.map((each) => each.points[1]?.x)).size).toBe(3);
});

test("what leads to no step is not drawn, and the others keep their places", () => {
  const found = placed(steps("a", "b"), [null, ...ways(["a", "nowhere"], ["a", "b"])]);
  expect(found.connections.map((each) => each.index)).toEqual([2]);
  expect(placed([], ways(["a", "b"]))).toEqual({ steps: [], connections: [] });
});

test("a path is straight between two points and round at those between", () => {
  expect(pathThrough([])).toBe("");
  expect(pathThrough([{ x: 1, y: 2 }, { x: 1, y: 9 }])).toBe("M 1 2 L 1 9");
  expect(pathThrough([{ x: 0, y: 0 }, { x: 5, y: 5 }, { x: 0, y: 10 }])).toBe("M 0 0 Q 5 5 0 10");
});

test("what people type is read as far as it is a definition", () => {
  const typed = [{ id: "a", type: "http", retry: { max_attempts: 2 } }, { id: "a", type: "job" }, 3, null, { id: 4 }];
  expect(stepsOf(typed)).toEqual([
    { id: "a", type: "http", retry: { max_attempts: 2 }, config: {}, name: undefined },
  ]);
  expect(stepsOf("no list")).toEqual([]);
  const [first, second] = connectionsOf([{ from: "a", to: "b", label: 3, errors: ["x", 1] }, "no"]);
  expect(first).toMatchObject({ from: "a", to: "b", label: undefined, errors: ["x"] });
  expect(second).toBeNull();
});
