import { expect, test } from "vitest";
import type { Document } from "./document";
import { beginWith, faultsWithin, freed, putWithin, stepsWithin, within } from "./nesting";

const PACK = { id: "pack", type: "transform", config: { value: 1 } };
const LINES = { id: "lines", type: "map", name: "Lines", config: { items: "item", steps: [PACK] } };
const ORDERS = {
  id: "orders",
  type: "map",
  config: { items: "payload", steps: [LINES, { id: "send", type: "http" }], connections: [{ from: "lines", to: "send" }], max_concurrency: 2 },
};
const WHOLE: Document = {
  workflow_name: "Orders",
  workflow_steps: [{ id: "start", type: "request" }, ORDERS],
  workflow_connections: [{ from: "start", to: "orders" }],
};

test("the steps within a step are a document of their own", () => {
  expect(within(WHOLE, [])).toBe(WHOLE);
  expect(within(WHOLE, ["orders"]).workflow_connections).toEqual([{ from: "lines", to: "send" }]);
  expect(within(WHOLE, ["orders", "lines"])).toEqual({ ...WHOLE, workflow_steps: [PACK], workflow_connections: [] });
});

test("one is within those steps only that there are", () => {
  expect(stepsWithin(WHOLE, ["orders", "lines"]).map((step) => step.id)).toEqual(["orders", "lines"]);
  expect(stepsWithin(WHOLE, ["orders", "gone", "lines"]).map((step) => step.id)).toEqual(["orders"]);
  expect(stepsWithin(WHOLE, ["start"])).toEqual([]);
});

test("what is put within a step leaves everything else as it was", () => {
  const document = within(WHOLE, ["orders", "lines"]);
  const put = putWithin(WHOLE, ["orders", "lines"], { ...document, workflow_steps: [{ ...PACK, name: "Pack it" }] });
  expect(within(put, ["orders", "lines"]).workflow_steps).toEqual([{ ...PACK, name: "Pack it" }]);
  expect(put.workflow_connections).toBe(WHOLE.workflow_connections);
  expect(put.workflow_steps[1]).toEqual({
    ...ORDERS,
    config: {
      ...ORDERS.config,
      steps: [
        { ...LINES, config: { items: "item", steps: [{ ...PACK, name: "Pack it" }], connections: [] } },
        { id: "send", type: "http" },
      ],
    },
  });
  expect(putWithin(WHOLE, [], document)).toBe(document);
});

test("an example's steps have ids that nothing has yet", () => {
  const config = { items: "x", steps: [{ id: "a" , type: "wait" }, { id: "b", type: "wait" }], connections: [{ from: "a", to: "b" }] };
  expect(freed(config, ["a", "a_2"])).toEqual({
    items: "x",
    steps: [{ id: "a_3", type: "wait" }, { id: "b", type: "wait" }],
    connections: [{ from: "a_3", to: "b" }],
  });
  expect(freed({ value: 1 }, ["a"])).toEqual({ value: 1 });
});

test("faults are told where they are within a step", () => {
  const at = (path: string) => ({ path, message: "no" });
  const faults = [
    at("workflow_steps[1].config.items"),
    at("workflow_steps[1].config.steps[1].config.url"),
    at("workflow_steps[1].config.connections[0].when"),
    at("workflow_steps[1].config.steps[0].config.steps[0].type"),
    at("workflow_steps[0].type"),
  ];
  expect(faultsWithin(faults, WHOLE.workflow_steps, ["orders"])).toEqual({
    steps: { send: [at("config.url")], lines: [at("config.steps[0].type")] },
    connections: { 0: [at("when")] },
    rest: [],
  });
  expect(faultsWithin(faults, WHOLE.workflow_steps, ["orders", "lines"]).steps).toEqual({ pack: [at("type")] });
  expect(faultsWithin(faults, WHOLE.workflow_steps, ["gone"])).toEqual({ steps: {}, connections: {}, rest: [] });
});

test("another step is put first, the others stay in their order", () => {
  const steps = [{ id: "a" }, { id: "b" }, { id: "c" }];
  expect(beginWith({ ...WHOLE, workflow_steps: steps }, "c").workflow_steps).toEqual([{ id: "c" }, { id: "a" }, { id: "b" }]);
});
