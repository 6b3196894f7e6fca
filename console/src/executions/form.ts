/** The fields of an answer, made of the JSON Schema that a step asks with. Pure. */

import { isObject } from "../workflows/definition";

export type FieldKind = "text" | "long" | "number" | "integer" | "boolean" | "choice" | "date" | "email" | "json";

export interface Field {
  name: string;
  label: string;
  description: string | null;
  kind: FieldKind;
  isRequired: boolean;
  /** Of a choice: each as JSON, and as people read it. */
  options: { value: string; label: string }[];
}

/** What is asked where the step says nothing: as the page behind an answer link does. */
export const APPROVAL: Readonly<Record<string, unknown>> = {
  type: "object",
  required: ["approved"],
  properties: {
    approved: { type: "boolean", title: "Approved" },
    comment: { type: "string", title: "Comment", maxLength: 2000 },
  },
};
const LONG = 200;

/** None for a schema that names no fields: its answer is written as JSON. */
export function fieldsOf(form: unknown): Field[] {
  const schema = isObject(form) ? form : APPROVAL;
  const properties = isObject(schema.properties) ? schema.properties : {};
  const required = Array.isArray(schema.required) ? (schema.required as unknown[]) : [];
  return Object.entries(properties).map(([name, found]) => {
    const field = isObject(found) ? found : {};
    const options: unknown[] = Array.isArray(field.enum) ? field.enum : [];
    return {
      name,
      label: typeof field.title === "string" ? field.title : name,
      description: typeof field.description === "string" ? field.description : null,
      kind: kindOf(field, options),
      isRequired: required.includes(name),
      options: options.map((value) => ({
        value: JSON.stringify(value),
        label: typeof value === "string" ? value : JSON.stringify(value),
      })),
    };
  });
}

function kindOf(field: Record<string, unknown>, options: unknown[]): FieldKind {
  if (options.length > 0) return "choice";
  const types: unknown[] = Array.isArray(field.type) ? field.type : [field.type];
  const type = types.find((each) => each !== "null") ?? "string";
  if (type === "boolean" || type === "number" || type === "integer") return type;
  if (type !== "string") return "json";
  if (field.format === "date" || field.format === "email") return field.format;
  return typeof field.maxLength === "number" && field.maxLength > LONG ? "long" : "text";
}

/** What the typed texts say; an empty one that need not be there is left out. Throws for no JSON. */
export function answerOf(fields: readonly Field[], texts: Readonly<Record<string, string>>): Record<string, unknown> {
  const answer: Record<string, unknown> = {};
  for (const field of fields) {
    const text = texts[field.name] ?? "";
    if (text === "" && !(field.isRequired && ["text", "long"].includes(field.kind))) continue;
    answer[field.name] = valueOf(field.kind, text);
  }
  return answer;
}

function valueOf(kind: FieldKind, text: string): unknown {
  if (kind === "boolean") return text === "true";
  if (kind === "number" || kind === "integer") return Number(text);
  if (kind === "choice" || kind === "json") return JSON.parse(text);
  return text;
}

/** The fields that must be filled in and are not. */
export function missing(fields: readonly Field[], texts: Readonly<Record<string, string>>): string[] {
  return fields.filter((field) => field.isRequired && (texts[field.name] ?? "") === "").map((field) => field.label);
}
