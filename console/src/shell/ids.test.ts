import { expect, test } from "vitest";
import { isId, isPartOfId, mayNameExecution } from "./ids";

const ID = "01a2019c-a061-70f9-8331-345fda421cda";

test("ids, their pieces and words are told apart", () => {
  expect([ID, ID.toUpperCase()].map(isId)).toEqual([true, true]);
  expect([ID.slice(0, -1), `${ID}a`, "orders"].map(isId)).toEqual([false, false, false]);
  expect([ID, ID.slice(0, 9), ID.slice(-8), "4711"].map(isPartOfId)).toEqual([true, true, true, true]);
  expect(["faced", "a1", "orders-2026", ""].map(isPartOfId)).toEqual([false, false, false, false]);
});

test("a process id is looked for where it has a digit", () => {
  expect([ID, "order 4711", "PO/7"].map(mayNameExecution)).toEqual([true, true, true]);
  expect(["orders", "a1", ""].map(mayNameExecution)).toEqual([false, false, false]);
});
