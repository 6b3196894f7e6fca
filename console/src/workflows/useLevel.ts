import { useMemo, useState } from "react";
import { connectionsOf, stepsOf } from "./definition";
import { idsIn, type Document } from "./document";
import { faultsWithin, putWithin, stepsWithin, within } from "./nesting";
import type { EditingHook } from "./useEditing";

export type Chosen = { step: string } | { connection: number } | null;

/** The steps at hand, the workflow's own or those within one of them, and what is chosen among them. */
export function useLevel({ state, edit, validation, judged }: EditingHook) {
  const [looked, look] = useState<{ maps: readonly string[]; chosen: Chosen }>({ maps: [], chosen: null });
  const whole = state.document;
  const outer = stepsWithin(whole, looked.maps);
  const isThere = outer.length === looked.maps.length;
  const maps = outer.map((step) => step.id);
  const document = within(whole, maps);
  const { workflow_steps, workflow_connections } = document;
  return {
    document,
    steps: useMemo(() => stepsOf(workflow_steps), [workflow_steps]),
    connections: useMemo(() => connectionsOf(workflow_connections), [workflow_connections]),
    /** The steps one is within, the outermost first. */
    outer,
    /** Those of all steps of the workflow: no two may be the same. */
    takenIds: idsIn(whole.workflow_steps),
    chosen: isThere ? looked.chosen : null,
    choose: (chosen: Chosen | ((old: Chosen) => Chosen)) =>
      look((old) => ({ maps, chosen: typeof chosen === "function" ? chosen(old.chosen) : chosen })),
    /** Looks into the step with this id, at one of the steps within it. */
    enter: (id: string, step: string | null) =>
      look({ maps: [...maps, id], chosen: step === null ? null : { step } }),
    /** Looks at the steps among which so many of `outer` are within each other; the next one is chosen. */
    leave: (depth: number) => {
      const step = maps[depth];
      look({ maps: maps.slice(0, depth), chosen: step === undefined ? null : { step } });
    },
    change: (to: Document, of?: string) => edit({ kind: "change", to: putWithin(whole, maps, to), of }),
    /** Changes what is within one of the steps. */
    changeWithin: (id: string, to: Document) => edit({ kind: "change", to: putWithin(whole, [...maps, id], to) }),
    /** What is wrong here, or within one of the steps. */
    faults: (id?: string) =>
      faultsWithin(validation.data ?? [], judged.workflow_steps, id === undefined ? maps : [...maps, id]),
  };
}

export type Level = ReturnType<typeof useLevel>;
