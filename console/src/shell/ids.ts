/** What people type to find a thing by its id. Pure. */

const WHOLE = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;
const PART = /^[0-9a-f-]{4,36}$/i;

export function isId(text: string): boolean {
  return WHOLE.test(text);
}

/** A piece of an id, as lists show its end; words have no digit. */
export function isPartOfId(text: string): boolean {
  return PART.test(text) && /\d/.test(text);
}

/** What may name an execution: its id or a process id. What has no digit is the name of something. */
export function mayNameExecution(text: string): boolean {
  return isId(text) || (text.length >= 3 && /\d/.test(text));
}
