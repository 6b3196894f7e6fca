import { expect, it } from "vitest";
import { answerOf, fieldsOf, missing } from "./form";

const FORM = {
  type: "object",
  required: ["name", "amount", "why"],
  properties: {
    name: { type: "string", title: "Your name" },
    amount: { type: ["integer", "null"] },
    ratio: { type: "number" },
    sure: { type: "boolean" },
    when: { type: "string", format: "date" },
    size: { enum: ["S", 5, null] },
    why: { type: "string", maxLength: 500 },
    list: { type: "array" },
  },
};

it("each field of a form has a control of its kind", () => {
  const fields = fieldsOf(FORM);
  expect(fields.map((field) => field.kind)).toEqual([
    "text", "integer", "number", "boolean", "date", "choice", "long", "json",
  ]); // prettier-ignore
  expect(fields[0]).toMatchObject({ label: "Your name", isRequired: true });
  expect(fields[5]?.options.map((option) => option.label)).toEqual(["S", "5", "null"]);
});

it("texts become what the schema asks for, and what is empty is left out", () => {
  const fields = fieldsOf(FORM);
  const texts = { name: "", amount: "3", ratio: "0.5", sure: "false", when: "", size: "5", list: "[1]" };
  expect(answerOf(fields, texts)).toEqual({ name: "", amount: 3, ratio: 0.5, sure: false, size: 5, why: "", list: [1] });
  expect(() => answerOf(fields, { list: "[" })).toThrow(SyntaxError);
  expect(missing(fields, texts)).toEqual(["Your name", "why"]);
});

it("without a form it asks for approval, and a form without fields takes JSON", () => {
  expect(fieldsOf(undefined).map((field) => [field.name, field.kind])).toEqual([
    ["approved", "boolean"],
    ["comment", "long"],
  ]);
  expect(fieldsOf({ type: "object" })).toEqual([]);
});
