/** Where the faults of a definition are: at which step, at which connection, or anywhere else. Pure. */

import { isObject } from "./definition";

export interface Fault {
  path: string;
  message: string;
}

export interface PlacedFaults {
  /** By the id of the step; `path` is what follows the step's own. */
  steps: Record<string, Fault[]>;
  /** By the place of the connection. */
  connections: Record<number, Fault[]>;
  /** Of the whole. */
  rest: Fault[];
}

const PLACE = /^workflow_(steps|connections)\[(\d+)\]\.?(.*)$/;

export function faultsAt(faults: readonly Fault[], steps: readonly unknown[]): PlacedFaults {
  const placed: PlacedFaults = { steps: {}, connections: {}, rest: [] };
  for (const fault of faults) {
    const [, list, index, path = ""] = PLACE.exec(fault.path) ?? [];
    const step = steps[Number(index)];
    if (list === "connections") {
      (placed.connections[Number(index)] ??= []).push({ ...fault, path });
    } else if (list === "steps" && isObject(step) && typeof step.id === "string") {
      (placed.steps[step.id] ??= []).push({ ...fault, path });
    } else {
      placed.rest.push(fault);
    }
  }
  return placed;
}
