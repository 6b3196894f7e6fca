import { expect, test } from "vitest";
import { faultsAt } from "./faults";

test("each fault is told where it is", () => {
  const steps = [{ id: "start" }, { id: "sum" }, "odd"];
  const at = (path: string) => ({ path, message: "no" });
  const found = faultsAt(
    [
      at("workflow_steps[1]"),
      at("workflow_steps[1].config.value"),
      at("workflow_steps[2].id"),
      at("workflow_connections[12].when"),
      at("workflow_schema"),
    ],
    steps,
  );
  expect(found.steps).toEqual({ sum: [at(""), at("config.value")] });
  expect(found.connections).toEqual({ 12: [at("when")] });
  expect(found.rest).toEqual([at("workflow_steps[2].id"), at("workflow_schema")]);
});
