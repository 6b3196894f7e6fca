import { expect, test } from "vitest";
import {
  addStep,
  changeConnection,
  changeStep,
  connect,
  idsIn,
  parseDocument,
  remove,
  renameStep,
  textOf,
  type Document,
} from "./document";

const START = { id: "start", type: "request" };
const SUM = { id: "sum", type: "transform", config: { value: 1 } };

const made = (steps: unknown[], ways: unknown[] = []): Document => ({
  workflow_name: "Orders",
  workflow_steps: steps,
  workflow_connections: ways,
  workflow_schema: { type: "object" },
});

test("a text is a document or says why it is none", () => {
  const document = made([START, SUM], [{ from: "start", to: "sum" }]);
  expect(parseDocument(textOf(document))).toEqual(document);
  expect(() => parseDocument("{")).toThrow("This is not JSON");
  expect(() => parseDocument("[]")).toThrow("object");
  expect(() => parseDocument("{}")).toThrow("workflow_name");
  expect(() => parseDocument('{"workflow_name": "x", "workflow_steps": {}}')).toThrow("workflow_steps");
});

test("a new step comes after the chosen one, under an id of its own", () => {
  const first = addStep(made([START]), { type: "transform", config: { value: 1 } }, "start");
  const second = addStep(first.document, { type: "transform", config: {} }, "transform");
  expect(second.id).toBe("transform_2");
  expect(second.document.workflow_steps).toEqual([
    START,
    { id: "transform", type: "transform", config: { value: 1 } },
    { id: "transform_2", type: "transform" },
  ]);
  expect(second.document.workflow_connections).toEqual([
    { from: "start", to: "transform" },
    { from: "transform", to: "transform_2" },
  ]);
  expect(second.document.workflow_schema).toEqual({ type: "object" });
});

test("between two steps the new one comes in the middle", () => {
  const document = made([START, SUM], [{ from: "start", to: "sum", note: "kept" }]);
  expect(addStep(document, { type: "wait", config: {} }, "start").document.workflow_connections).toEqual([
    { from: "start", to: "wait", note: "kept" },
    { from: "wait", to: "sum" },
  ]);
  const end = addStep(document, { type: "terminate", config: {} }, "start").document;
  expect(end.workflow_connections).toEqual([
    { from: "start", to: "sum", note: "kept" },
    { from: "start", to: "terminate" },
  ]);
  expect(addStep(end, { type: "wait", config: {} }, "terminate").document.workflow_connections).toHaveLength(2);
  expect(addStep(document, { type: "wait", config: {} }, null).document.workflow_connections).toHaveLength(1);
});

test("ids inside of maps are taken too", () => {
  const inner = { id: "each", type: "map", config: { items: "payload", steps: [{ id: "wait", type: "wait" }] } };
  expect(idsIn([START, inner])).toEqual(["start", "each", "wait"]);
  expect(addStep(made([START, inner]), { type: "wait", config: {} }, null).id).toBe("wait_2");
});

test("a condition is connected by yes, then by no; others once", () => {
  let document = made([START, { id: "ask", type: "condition" }, SUM]);
  document = connect(connect(document, "ask", "sum"), "ask", "sum");
  expect(document.workflow_connections).toEqual([
    { from: "ask", to: "sum", label: "yes" },
    { from: "ask", to: "sum", label: "no" },
  ]);
  const once = connect(document, "start", "ask");
  expect(connect(once, "start", "ask")).toBe(once);
});

test("with a step its connections go, and with a connection nothing else", () => {
  const ways = [{ from: "start", to: "sum" }, "odd", { from: "sum", to: "end" }, { from: "start", to: "end" }];
  const document = made([START, SUM, { id: "end", type: "terminate" }], ways);
  const gone = remove(document, ["sum"], []);
  expect(gone.workflow_steps).toEqual([START, { id: "end", type: "terminate" }]);
  expect(gone.workflow_connections).toEqual(["odd", { from: "start", to: "end" }]);
  expect(remove(document, [], [3]).workflow_connections).toEqual(ways.slice(0, 3));
});

test("a change keeps what it does not name, and takes away what is undefined", () => {
  const document = made([START, { ...SUM, retry: { max_attempts: 2 } }], [{ from: "start", to: "sum", label: "a" }]);
  expect(changeStep(document, "sum", { name: "Sum", retry: undefined }).workflow_steps[1]).toEqual({ ...SUM, name: "Sum" });
  expect(renameStep(document, "sum", "total").workflow_connections).toEqual([{ from: "start", to: "total", label: "a" }]);
  expect(changeConnection(document, 0, { label: undefined, when: "true" }).workflow_connections).toEqual([
    { from: "start", to: "sum", when: "true" },
  ]);
});
