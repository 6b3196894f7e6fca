/** What one version says differently from another: step by step, field by field. Pure. */

import { isObject } from "./definition";

export interface FieldChange {
  /** `config.value.total`; empty: the whole. */
  field: string;
  before: unknown;
  after: unknown;
}

export interface Changed {
  kind: "added" | "removed" | "changed";
  /** The id of a step, or `start → sum`. */
  name: string;
  /** The step as it was before, or as it came. */
  value: Record<string, unknown>;
  fields: FieldChange[];
}

export interface Difference {
  steps: Changed[];
  connections: Changed[];
  /** Name, schema and what else is said of the whole. */
  rest: FieldChange[];
}

interface Version {
  workflow_steps: unknown[];
  workflow_connections: unknown[];
}

const WHOLE = ["workflow_name", "workflow_schema", "workflow_integrations", "workflow_mock_payload"];

export function difference<V extends Version>(before: V, after: V): Difference {
  return {
    steps: changed(keyed(before.workflow_steps, stepName), keyed(after.workflow_steps, stepName)),
    connections: changed(
      keyed(before.workflow_connections, wayName),
      keyed(after.workflow_connections, wayName),
    ),
    rest: WHOLE.flatMap((name) =>
      fieldChanges((before as Record<string, unknown>)[name], (after as Record<string, unknown>)[name], name),
    ),
  };
}

export function isNothing(found: Difference): boolean {
  return found.steps.length + found.connections.length + found.rest.length === 0;
}

const stepName = (value: Record<string, unknown>) => String(value.id);
const wayName = (value: Record<string, unknown>) => `${String(value.from)} → ${String(value.to)}`;

type Keyed = Map<string, Record<string, unknown>>;

/** By their names; of several with one name the second is `… (2)`. */
function keyed(values: readonly unknown[], name: (value: Record<string, unknown>) => string): Keyed {
  const found: Keyed = new Map();
  for (const value of values) {
    if (!isObject(value)) continue;
    let key = name(value);
    for (let n = 2; found.has(key); n += 1) key = `${name(value)} (${n})`;
    found.set(key, value);
  }
  return found;
}

function changed(before: Keyed, after: Keyed): Changed[] {
  const found: Changed[] = [];
  for (const [name, value] of before) {
    const now = after.get(name);
    if (now === undefined) {
      found.push({ kind: "removed", name, value, fields: [] });
    } else {
      const fields = fieldChanges(value, now, "");
      if (fields.length > 0) found.push({ kind: "changed", name, value: now, fields });
    }
  }
  for (const [name, value] of after) {
    if (!before.has(name)) found.push({ kind: "added", name, value, fields: [] });
  }
  return found;
}

/** The innermost fields that differ; lists are compared as a whole. */
function fieldChanges(before: unknown, after: unknown, field: string): FieldChange[] {
  if (isSame(before, after)) return [];
  if (!isObject(before) || !isObject(after)) return [{ field, before, after }];
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return names.flatMap((name) =>
    fieldChanges(before[name], after[name], field === "" ? name : `${field}.${name}`),
  );
}

/** Whether both are the same JSON, in whatever order their fields stand. */
export function isSame(one: unknown, other: unknown): boolean {
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((each, index) => isSame(each, other[index]));
  }
  if (isObject(one) && isObject(other)) {
    const names = Object.keys(one);
    return (
      names.length === Object.keys(other).length &&
      names.every((name) => name in other && isSame(one[name], other[name]))
    );
  }
  return one === other;
}
