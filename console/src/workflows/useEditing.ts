import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useReducer, useState } from "react";
import { isSame } from "./difference";
import type { Document } from "./document";
import { edited, editingOf } from "./editing";
import { faultsAt } from "./faults";
import { validationQuery } from "./queries";

const JUDGED_AFTER_MS = 500;

/** A document under one's hands, what is wrong with it, and what of it is not saved. */
export function useEditing(start: Document, project: string) {
  const [state, edit] = useReducer(edited, start, editingOf);
  const [saved, setSaved] = useState(start);
  const [texts, setTexts] = useState<Record<string, string>>({});
  const { document } = state;
  const [judged] = useDebouncedValue(document, JUDGED_AFTER_MS);
  const validation = useQuery(validationQuery(judged, project));
  const keep = (at: string, text: string | null) =>
    setTexts((old) => {
      const others = Object.entries(old).filter(([each]) => each !== at);
      return Object.fromEntries(text === null ? others : [...others, [at, text]]);
    });
  const unfinished = Object.keys(texts);
  return {
    state,
    edit,
    validation,
    /** What the faults of the validation are of. */
    judged,
    faults: faultsAt(validation.data ?? [], judged.workflow_steps),
    isJudged: judged === document && validation.data !== undefined && !validation.isPlaceholderData,
    unfinished: { texts, keep },
    /** Why it cannot be saved as it stands. */
    obstacle:
      state.fault !== null
        ? "The JSON has to be a workflow first."
        : unfinished.length > 0
          ? `No JSON yet: ${unfinished.join(", ")}.`
          : null,
    isChanged: state.fault !== null || unfinished.length > 0 || !isSame(document, saved),
    setSaved,
  };
}

export type EditingHook = ReturnType<typeof useEditing>;
