/**
 * What is said of a version, and the ways to change it. Pure: each gives a new document, in which
 * everything that it does not know is as it was.
 */

import { connectionsOf, isObject, stepsOf, type Connection, type Step } from "./definition";

export interface Document extends Record<string, unknown> {
  workflow_name: string;
  workflow_steps: unknown[];
  workflow_connections: unknown[];
}

/** The document as people edit it. */
export function textOf(document: Document): string {
  return JSON.stringify(document, null, 2);
}

/** The document that a text is. Throws with a sentence for what is none. */
export function parseDocument(text: string): Document {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`This is not JSON: ${error instanceof Error ? error.message : ""}`, { cause: error });
  }
  if (!isObject(value)) throw new Error("A workflow is a JSON object.");
  if (typeof value.workflow_name !== "string") throw new Error("workflow_name must be a text.");
  for (const name of ["workflow_steps", "workflow_connections"]) {
    if (!Array.isArray(value[name])) throw new Error(`${name} must be a list.`);
  }
  return value as Document;
}

export function stepIn(document: Document, id: string): Step | undefined {
  return stepsOf(document.workflow_steps).find((step) => step.id === id);
}

const isStep = (value: unknown, id: string): value is Record<string, unknown> =>
  isObject(value) && value.id === id;

/** A step of this type, after the given one if there is one; and its id, which is none of those taken. */
export function addStep(
  document: Document,
  { type, config }: { type: string; config: Record<string, unknown> },
  after: string | null,
  taken: readonly string[] = idsIn(document.workflow_steps),
): { document: Document; id: string } {
  const id = freeId(type, taken);
  const added: Document = {
    ...document,
    workflow_steps: [...document.workflow_steps, { id, type, ...(Object.keys(config).length > 0 && { config }) }],
  };
  const before = after === null ? undefined : stepIn(document, after);
  if (before === undefined || before.type === "terminate") return { document: added, id };
  const following = connectionsOf(document.workflow_connections).flatMap((way, index) =>
    way?.from === before.id ? [{ way, index }] : [],
  );
  const only = following[0];
  // Between two steps that follow each other without a condition the new one comes in the middle.
  if (following.length === 1 && only !== undefined && isPlain(only.way) && type !== "terminate") {
    const turned = changeConnection(added, only.index, { to: id });
    return { document: connect(turned, id, only.way.to), id };
  }
  return { document: connect(added, before.id, id), id };
}

function isPlain(way: Connection): boolean {
  return way.when === undefined && way.label === undefined && way.on !== "error";
}

/** This id, or with a number if it is taken. */
export function freeId(wanted: string, taken: readonly string[]): string {
  if (!taken.includes(wanted)) return wanted;
  for (let n = 2; ; n += 1) if (!taken.includes(`${wanted}_${n}`)) return `${wanted}_${n}`;
}

/** All ids of steps, those inside of maps included: they are unique in the whole definition. */
export function idsIn(steps: unknown): string[] {
  return stepsOf(steps).flatMap((step) => [step.id, ...idsIn(step.config?.steps)]);
}

/** With a connection; as before where there is one already that says the same. */
export function connect(document: Document, from: string, to: string): Document {
  const ways = connectionsOf(document.workflow_connections);
  const label = stepIn(document, from)?.type === "condition" ? answerLeft(ways, from) : undefined;
  if (ways.some((way) => way?.from === from && way.to === to && way.on !== "error" && way.label === label)) {
    return document;
  }
  const added: Connection = { from, to, ...(label !== undefined && { label }) };
  return { ...document, workflow_connections: [...document.workflow_connections, added] };
}

/** What a condition has no connection for yet. */
function answerLeft(ways: readonly (Connection | null)[], from: string): string {
  return ways.some((way) => way?.from === from && way.label === "yes") ? "no" : "yes";
}

/** Without these steps, these connections, and all that led to the steps or away from them. */
export function remove(document: Document, steps: readonly string[], connections: readonly number[]): Document {
  const gone = new Set(steps);
  const isGone = (value: unknown, index: number) =>
    connections.includes(index) ||
    (isObject(value) && [value.from, value.to].some((end) => typeof end === "string" && gone.has(end)));
  return {
    ...document,
    workflow_steps: document.workflow_steps.filter(
      (value) => !(isObject(value) && typeof value.id === "string" && gone.has(value.id)),
    ),
    workflow_connections: document.workflow_connections.filter((value, index) => !isGone(value, index)),
  };
}

/** The step with other fields; one that is undefined is left out. */
export function changeStep(document: Document, id: string, part: Record<string, unknown>): Document {
  return {
    ...document,
    workflow_steps: document.workflow_steps.map((value) =>
      isStep(value, id) ? without({ ...value, ...part }) : value,
    ),
  };
}

/** The step under another id, and its connections with it. */
export function renameStep(document: Document, id: string, to: string): Document {
  const renamed = changeStep(document, id, { id: to });
  const end = (value: unknown) => (value === id ? to : value);
  return {
    ...renamed,
    workflow_connections: renamed.workflow_connections.map((value) =>
      isObject(value) ? { ...value, from: end(value.from), to: end(value.to) } : value,
    ),
  };
}

export function changeConnection(document: Document, index: number, part: Record<string, unknown>): Document {
  return {
    ...document,
    workflow_connections: document.workflow_connections.map((value, each) =>
      each === index && isObject(value) ? without({ ...value, ...part }) : value,
    ),
  };
}

/** The object without what is undefined. */
export function without(value: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined));
}
