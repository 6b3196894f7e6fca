import { expect, test } from "vitest";
import { textOf, type Document } from "./document";
import { edited, editingOf, type Edit, type Editing } from "./editing";

const named = (workflow_name: string): Document => ({ workflow_name, workflow_steps: [], workflow_connections: [] });
const after = (...edits: Edit[]): Editing => edits.reduce(edited, editingOf(named("a")));
const change = (name: string, of?: string): Edit => ({ kind: "change", to: named(name), of });

test("text and document are kept in step both ways", () => {
  expect(after(change("b")).text).toBe(textOf(named("b")));
  const text = JSON.stringify(named("c"));
  const typed = after({ kind: "type", text });
  expect(typed.document).toEqual(named("c"));
  expect(typed.text).toBe(text);
});

test("a text that is no document is kept, and nothing overwrites it", () => {
  const typing = after(change("b"), { kind: "type", text: '{"workflow_name": ' });
  expect(typing.fault).toContain("not JSON");
  expect(typing.document).toEqual(named("b"));
  for (const edit of [change("c"), { kind: "undo" }, { kind: "redo" }] as Edit[]) {
    expect(edited(typing, edit).text).toBe('{"workflow_name": ');
  }
  const discarded = edited(typing, { kind: "discard" });
  expect([discarded.fault, discarded.text]).toEqual([null, textOf(named("b"))]);
  expect(edited(typing, { kind: "type", text: textOf(named("d")) }).document).toEqual(named("d"));
});

test("changes are undone and made again, one by one", () => {
  const twice = after(change("b"), change("c"));
  const back = edited(twice, { kind: "undo" });
  expect(back.document).toEqual(named("b"));
  expect(edited(back, { kind: "redo" }).document).toEqual(named("c"));
  expect(edited(edited(back, change("d")), { kind: "redo" }).document).toEqual(named("d"));
  expect(edited(editingOf(named("a")), { kind: "undo" }).document).toEqual(named("a"));
});

test("what is typed into one field is one step back", () => {
  const typing = after(change("b", "name"), change("bc", "name"), change("x", "other"));
  expect(typing.past).toHaveLength(2);
  const back = edited(typing, { kind: "undo" });
  expect(back.document).toEqual(named("bc"));
  expect(edited(back, { kind: "undo" }).document).toEqual(named("a"));
});

test("a blank that is typed is no change", () => {
  expect(after({ kind: "type", text: `${textOf(named("a"))}\n` }).past).toHaveLength(0);
});
