/**
 * The steps and connections of a definition, as the server sends them and as people type them. What
 * a person types may be anything: what is no step or connection is left out, and the server tells
 * what is wrong with it.
 */

export interface Step {
  id: string;
  type: string;
  name?: string;
  config?: Record<string, unknown>;
  retry?: Record<string, unknown>;
  timeout_seconds?: number;
  result?: { mode: string; at?: string };
}

export interface Connection {
  from: string;
  to: string;
  when?: string;
  label?: string;
  on?: string;
  errors?: string[];
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The steps among these values; of two with one id the first. */
export function stepsOf(values: unknown): Step[] {
  const found = new Map<string, Step>();
  for (const value of Array.isArray(values) ? (values as unknown[]) : []) {
    if (!isObject(value) || typeof value.id !== "string" || typeof value.type !== "string") continue;
    if (value.id === "" || found.has(value.id)) continue;
    const config = isObject(value.config) ? value.config : {};
    const name = typeof value.name === "string" ? value.name : undefined;
    found.set(value.id, { ...value, id: value.id, type: value.type, name, config });
  }
  return [...found.values()];
}

/** The connections among these values, each at the place where it stands; null for what is none. */
export function connectionsOf(values: unknown): (Connection | null)[] {
  return (Array.isArray(values) ? (values as unknown[]) : []).map((value) => {
    if (!isObject(value) || typeof value.from !== "string" || typeof value.to !== "string") return null;
    const text = (field: unknown) => (typeof field === "string" ? field : undefined);
    const errors = Array.isArray(value.errors)
      ? value.errors.filter((each) => typeof each === "string")
      : undefined;
    return {
      ...value,
      from: value.from,
      to: value.to,
      when: text(value.when),
      label: text(value.label),
      on: text(value.on),
      errors,
    };
  });
}

export function nameOf(step: Step): string {
  return step.name === undefined || step.name === "" ? step.id : step.name;
}

/** The name of a step type as people read it: `wait_for_response` is `wait for response`. */
export function typeText(type: string): string {
  return type.replaceAll("_", " ");
}

/** What stands at a connection: when it is taken. Empty where it always is. */
export function conditionText(connection: Connection): string {
  if (connection.on === "error") {
    const errors = connection.errors ?? [];
    return errors.length === 0 ? "on error" : `on ${errors.join(", ")}`;
  }
  return connection.label ?? connection.when ?? "";
}
