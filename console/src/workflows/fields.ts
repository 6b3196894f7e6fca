/** The fields of a form, as the JSON Schema of a step's config says. Pure. */

import { isObject } from "./definition";

export type FieldKind =
  | "choice"
  | "flag"
  | "number"
  | "text"
  | "long"
  | "expression"
  | "code"
  | "number or text"
  | "texts"
  | "pairs"
  | "json"
  | "group"
  | "job"
  | "workflow"
  | "integration";

export interface FormField {
  name: string;
  label: string;
  description: string;
  kind: FieldKind;
  isRequired: boolean;
  /** What holds where nothing is said. */
  fallback: unknown;
  options: string[];
  min?: number;
  max?: number;
  isWhole: boolean;
  /** Those of a group. */
  fields: FormField[];
}

type Schema = Record<string, unknown>;

const PICKED: Readonly<Record<string, FieldKind>> = {
  "treadle-job": "job",
  "treadle-workflow": "workflow",
  "treadle-integration": "integration",
  python: "code",
};
/** A text that may be longer than this gets room for several lines. */
const SHORT = 1000;
const ACRONYMS: Readonly<Record<string, string>> = { url: "URL", id: "id", json: "JSON" };

/** The fields in the order of the schema; `expressions` names those that are CEL as they stand. */
export function formFields(schema: unknown, expressions: readonly string[] = []): FormField[] {
  if (!isObject(schema)) return [];
  return fieldsOf(schema, isObject(schema.$defs) ? schema.$defs : {}, expressions);
}

function fieldsOf(schema: Schema, definitions: Schema, expressions: readonly string[]): FormField[] {
  const properties = isObject(schema.properties) ? schema.properties : {};
  const required = Array.isArray(schema.required) ? (schema.required as unknown[]) : [];
  return Object.entries(properties).map(([name, said]) => {
    const outer = isObject(said) ? said : {};
    const choices = choicesOf(outer, definitions);
    const inner = choices[0] ?? {};
    const kind = expressions.includes(name) ? "expression" : kindOf(choices);
    return {
      name,
      label: labelOf(name, kind),
      description: text(outer.description) || text(inner.description),
      kind,
      isRequired: required.includes(name),
      fallback: outer.default,
      options: Array.isArray(inner.enum) ? inner.enum.map(String) : [],
      min: number(inner.minimum) ?? number(inner.exclusiveMinimum),
      max: number(inner.maximum),
      isWhole: inner.type === "integer",
      fields: kind === "group" ? fieldsOf(inner, definitions, []) : [],
    };
  });
}

/** What a value may be, but for null: that is the field left out. */
function choicesOf(said: Schema, definitions: Schema): Schema[] {
  const among = Array.isArray(said.anyOf) ? (said.anyOf as unknown[]) : [said];
  return among
    .filter(isObject)
    .map((each) => {
      const named = typeof each.$ref === "string" ? definitions[each.$ref.replace("#/$defs/", "")] : each;
      return isObject(named) ? named : {};
    })
    .filter((each) => each.type !== "null");
}

function kindOf(choices: readonly Schema[]): FieldKind {
  const types = choices.map((each) => each.type);
  if (types.includes("number") && types.includes("string")) return "number or text";
  const [said] = choices;
  if (said === undefined || choices.length > 1) return "json";
  const picked = typeof said.format === "string" ? PICKED[said.format] : undefined;
  if (picked !== undefined) return picked;
  if (Array.isArray(said.enum)) return "choice";
  switch (said.type) {
    case "boolean":
      return "flag";
    case "integer":
    case "number":
      return "number";
    case "string":
      return (number(said.maxLength) ?? 0) > SHORT ? "long" : "text";
    case "array":
      return isObject(said.items) && said.items.type === "string" ? "texts" : "json";
    case "object":
      if (isObject(said.additionalProperties) && said.additionalProperties.type === "string") return "pairs";
      return said.additionalProperties === false ? "group" : "json";
    default:
      return "json";
  }
}

/** `body_type` is `Body type`, and what is chosen by name is called without its `id`. */
function labelOf(name: string, kind: FieldKind): string {
  const isChosen = kind === "job" || kind === "workflow";
  const words = (isChosen ? name.replace(/_id$/, "") : name).split("_").map((word) => ACRONYMS[word] ?? word);
  const said = words.join(" ");
  return said.charAt(0).toUpperCase() + said.slice(1);
}

/** Words for people, who don't need the backticks. */
function text(value: unknown): string {
  return typeof value === "string" ? value.replaceAll("`", "") : "";
}

function number(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

/** The value of a field that is a number, or a text with `${…}`: as people type it. */
export function numberOrText(typed: string): number | string | undefined {
  if (typed === "") return undefined;
  return /^\d+(\.\d+)?$/.test(typed) ? Number(typed) : typed;
}
