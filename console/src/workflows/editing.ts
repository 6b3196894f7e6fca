/**
 * The document and its text under one's hands. Both say the same but while the text is no document:
 * then the text is kept as it was typed, and nothing else can be changed. Pure.
 */

import { parseDocument, textOf, type Document } from "./document";

export interface Editing {
  document: Document;
  text: string;
  /** Why the text is no document. */
  fault: string | null;
  past: readonly Document[];
  future: readonly Document[];
  /** What the latest change was of: the next one of the same is no step of its own to go back. */
  latest: string | null;
}

export type Edit =
  | { kind: "change"; to: Document; of?: string }
  | { kind: "type"; text: string }
  | { kind: "discard" }
  | { kind: "undo" }
  | { kind: "redo" };

const MOST = 200;
const TYPED = "text";

export function editingOf(document: Document): Editing {
  return { document, text: textOf(document), fault: null, past: [], future: [], latest: null };
}

export function edited(state: Editing, edit: Edit): Editing {
  switch (edit.kind) {
    case "change":
      if (state.fault !== null || edit.to === state.document) return state;
      return { ...changed(state, edit.to, edit.of ?? null), text: textOf(edit.to) };
    case "type":
      return typed(state, edit.text);
    case "discard":
      return { ...state, text: textOf(state.document), fault: null };
    case "undo":
      return gone(state, state.past.at(-1), (left) => ({
        past: state.past.slice(0, -1),
        future: [left, ...state.future],
      }));
    case "redo":
      return gone(state, state.future[0], (left) => ({
        past: [...state.past, left],
        future: state.future.slice(1),
      }));
  }
}

function changed(state: Editing, to: Document, of: string | null): Editing {
  const goesOn = of !== null && of === state.latest;
  const past = goesOn ? state.past : [...state.past, state.document].slice(-MOST);
  return { ...state, document: to, fault: null, past, future: [], latest: of };
}

function typed(state: Editing, text: string): Editing {
  let document: Document;
  try {
    document = parseDocument(text);
  } catch (error) {
    return { ...state, text, fault: error instanceof Error ? error.message : String(error) };
  }
  if (textOf(document) === textOf(state.document)) return { ...state, text, fault: null };
  return { ...changed(state, document, TYPED), text };
}

function gone(
  state: Editing,
  to: Document | undefined,
  rest: (left: Document) => Pick<Editing, "past" | "future">,
): Editing {
  if (to === undefined || state.fault !== null) return state;
  return { ...state, ...rest(state.document), document: to, text: textOf(to), latest: null };
}
