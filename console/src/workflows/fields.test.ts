import { expect, test } from "vitest";
import { formFields, numberOrText } from "./fields";

const SCHEMA = {
  type: "object",
  required: ["url", "job_id"],
  additionalProperties: false,
  $defs: {
    Pages: { type: "object", additionalProperties: false, description: "All pages.", required: ["style"], properties: { style: { enum: ["link", "page"], type: "string" }, size: { anyOf: [{ type: "integer", minimum: 1 }, { type: "null" }], default: null } } },
    Open: { type: "object", additionalProperties: true, properties: { integration: { type: "string" } } },
  },
  properties: {
    url: { type: "string", maxLength: 100_000, description: "`Where`." },
    job_id: { type: "string", format: "treadle-job", maxLength: 200 },
    integration: { anyOf: [{ type: "string", format: "treadle-integration" }, { type: "null" }], default: null },
    when: { type: "string", maxLength: 4096 },
    code: { type: "string", format: "python", maxLength: 100_000 },
    mode: { enum: ["all", "any"], type: "string", default: "all" },
    wait: { type: "boolean", default: true },
    seconds: { anyOf: [{ type: "number", exclusiveMinimum: 0 }, { type: "string" }, { type: "null" }] },
    headers: { type: "object", additionalProperties: { type: "string" } },
    query: { type: "object", additionalProperties: true },
    sources: { anyOf: [{ type: "array", items: { type: "string" } }, { type: "null" }] },
    steps: { anyOf: [{ type: "array", items: {} }, { type: "null" }] },
    body: { default: null },
    pagination: { anyOf: [{ $ref: "#/$defs/Pages" }, { type: "null" }], default: null },
    send: { anyOf: [{ $ref: "#/$defs/Open" }, { type: "null" }], default: null },
  },
};

test("a schema becomes fields of the right kinds", () => {
  const fields = formFields(SCHEMA, ["when"]);
  expect(Object.fromEntries(fields.map((each) => [each.name, each.kind]))).toEqual({
    url: "long",
    job_id: "job",
    integration: "integration",
    when: "expression",
    code: "code",
    mode: "choice",
    wait: "flag",
    seconds: "number or text",
    headers: "pairs",
    query: "json",
    sources: "texts",
    steps: "json",
    body: "json",
    pagination: "group",
    send: "json",
  });
  expect(fields.filter((each) => each.isRequired).map((each) => each.label)).toEqual(["URL", "Job"]);
});

test("words, bounds and what holds by itself come along", () => {
  const [url, , , , , mode, wait, , , , , , , pagination] = formFields(SCHEMA);
  expect(url?.description).toBe("Where.");
  expect([mode?.options, mode?.fallback, wait?.fallback]).toEqual([["all", "any"], "all", true]);
  expect(pagination?.description).toBe("All pages.");
  expect(pagination?.fields.map((each) => [each.name, each.kind, each.min, each.isRequired])).toEqual([
    ["style", "choice", undefined, true],
    ["size", "number", 1, false],
  ]);
});

test("what is no schema has no fields", () => {
  expect(formFields(undefined)).toEqual([]);
  expect(formFields({ type: "object" })).toEqual([]);
});

test("a number is a number, anything else a text", () => {
  expect(["60", "1.5", "", "${payload.s}", "1."].map(numberOrText)).toEqual([60, 1.5, undefined, "${payload.s}", "1."]);
});
