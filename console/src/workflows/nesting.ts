/**
 * The steps within a step, as a document of their own: what is done to the steps of a workflow is done
 * to these alike. `maps` are the ids of the steps one is within, the outermost first. Pure.
 */

import { isObject, stepsOf, type Step } from "./definition";
import { changeStep, freeId, idsIn, renameStep, stepIn, type Document } from "./document";
import { faultsAt, type Fault, type PlacedFaults } from "./faults";

/** Those of these steps that there are: one of them may have been undone, or typed away. */
export function stepsWithin(document: Document, maps: readonly string[]): Step[] {
  const [first, ...others] = maps;
  const step = first === undefined ? undefined : stepIn(document, first);
  if (step === undefined || !Array.isArray(step.config?.steps)) return [];
  return [step, ...stepsWithin(inner(document, step), others)];
}

/** What is within the last of them, which there has to be; the document itself where there is none. */
export function within(document: Document, maps: readonly string[]): Document {
  return stepsWithin(document, maps).reduce(inner, document);
}

function inner(document: Document, step: Step): Document {
  return {
    ...document,
    workflow_steps: listOf(step.config?.steps),
    workflow_connections: listOf(step.config?.connections),
  };
}

const NONE: unknown[] = [];

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : NONE;
}

/** The document with these steps and connections within the last of `maps`. */
export function putWithin(document: Document, maps: readonly string[], put: Document): Document {
  const [first, ...others] = maps;
  const step = first === undefined ? undefined : stepIn(document, first);
  if (first === undefined || step === undefined) return put;
  const { workflow_steps: steps, workflow_connections: connections } = putWithin(inner(document, step), others, put);
  return changeStep(document, first, { config: { ...step.config, steps, connections } });
}

/** The config with other ids for its steps where these are taken. */
export function freed(config: Record<string, unknown>, taken: readonly string[]): Record<string, unknown> {
  const step = { id: "", type: "", config };
  const document = { workflow_name: "", workflow_steps: [step], workflow_connections: [] };
  if (!Array.isArray(config.steps)) return config;
  let found = inner(document, step);
  for (const { id } of stepsOf(config.steps)) {
    if (taken.includes(id)) found = renameStep(found, id, freeId(id, [...taken, ...idsIn(found.workflow_steps)]));
  }
  return { ...config, steps: found.workflow_steps, connections: found.workflow_connections };
}

/** What is wrong within the last of `maps`. */
export function faultsWithin(faults: readonly Fault[], steps: readonly unknown[], maps: readonly string[]): PlacedFaults {
  const [first, ...others] = maps;
  if (first === undefined) return faultsAt(faults, steps);
  const place = steps.findIndex((step) => isObject(step) && step.id === first);
  const step = steps[place];
  const start = `workflow_steps[${place}].config.`;
  const found = faults
    .filter((each) => /^(steps|connections)\[/.test(each.path.startsWith(start) ? each.path.slice(start.length) : ""))
    .map((each) => ({ ...each, path: `workflow_${each.path.slice(start.length)}` }));
  return faultsWithin(found, isObject(step) && isObject(step.config) ? listOf(step.config.steps) : [], others);
}

/** The steps in their order, but this one first: with it each item begins. */
export function beginWith(document: Document, id: string): Document {
  const isIt = (value: unknown) => isObject(value) && value.id === id;
  const steps = document.workflow_steps;
  return { ...document, workflow_steps: [...steps.filter(isIt), ...steps.filter((each) => !isIt(each))] };
}
