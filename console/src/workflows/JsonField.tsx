import { createContext, useContext, useState } from "react";
import { JsonInput } from "../ui/JsonInput";
import { isSame } from "./difference";

/** Texts that are no JSON yet, by the field they are typed into: they outlive the field. */
export interface UnfinishedTexts {
  texts: Readonly<Record<string, string>>;
  keep: (at: string, text: string | null) => void;
}

export const Unfinished = createContext<UnfinishedTexts>({ texts: {}, keep: () => undefined });

/** A field for any JSON. What is typed stays as it is typed; it counts as soon as it is JSON. */
export function JsonField({
  at,
  label,
  description,
  value,
  onChange,
}: {
  /** Names the field in the whole document. */
  at: string;
  label: string;
  description?: string;
  value: unknown;
  onChange: (value: unknown) => void;
}) {
  const unfinished = useContext(Unfinished);
  const [typed, setTyped] = useState<string | null>(unfinished.texts[at] ?? null);
  const read = typed === null ? null : parsed(typed);
  const isTyped = read !== null && (read.fault !== null || isSame(read.value, value));
  return (
    <JsonInput
      label={label}
      description={description}
      value={isTyped && typed !== null ? typed : prettyOf(value)}
      fault={isTyped ? read.fault : null}
      minRows={2}
      onChange={(text) => {
        const found = parsed(text);
        setTyped(text);
        unfinished.keep(at, found.fault === null ? null : text);
        if (found.fault === null) onChange(found.value);
      }}
    />
  );
}

function prettyOf(value: unknown): string {
  return value === undefined ? "" : JSON.stringify(value, null, 2);
}

function parsed(text: string): { value: unknown; fault: string | null } {
  if (text.trim() === "") return { value: undefined, fault: null };
  try {
    return { value: JSON.parse(text) as unknown, fault: null };
  } catch (error) {
    return {
      value: undefined,
      fault: `This is not JSON: ${error instanceof Error ? error.message : ""} A text is in quotes: "\${payload}".`,
    };
  }
}
