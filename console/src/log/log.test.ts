import { expect, test } from "vitest";
import { pieces, plain } from "./ansi";
import { LogLines, matching } from "./lines";
import { EventReader } from "./reader";

test("colours become classes and leave the text alone", () => {
  expect(pieces("\u001b[1;31mred\u001b[0m and \u001b[94mblue")).toEqual([
    { text: "red", className: "ansi-red ansi-bold" },
    { text: " and ", className: "" },
    { text: "blue", className: "ansi-blue" },
  ]);
  expect(pieces("\u001b[38;5;2mgreen\u001b[38;2;1;2;3mother\u001b[39m")).toEqual([
    { text: "green", className: "ansi-green" },
    { text: "other", className: "" },
  ]);
});

test("what moves cursors, sets titles or hides links is dropped", () => {
  expect(plain("\u001b[2K\u001b]0;title\u0007a\u001b[1Ab\u001b]8;;http://x\u001b\\c")).toBe("abc");
  expect(plain("<b>\u001b[31m&amp;")).toBe("<b>&amp;");
});

test("lines come whole out of pieces of any size", () => {
  const text = "one\ntwo\r\n10%\r20%\r30%\nlast";
  for (const size of [1, 2, 3, 100]) {
    const log = new LogLines();
    for (let at = 0; at < text.length; at += size) log.add(text.slice(at, at + size));
    expect(log.lines).toEqual(["one", "two", "30%", "last"]);
  }
});

test("a line beyond reading is cut for the eye", () => {
  const log = new LogLines();
  log.add(`${"x".repeat(6000)}\n`);
  expect(log.lines[0]).toMatch(/^x{5000} … \(1000 more\)$/);
});

test("the search knows no case", () => {
  expect(matching(["Alpha", "beta", "ALPHABET"], "alpha")).toEqual([0, 2]);
  expect(matching(["a"], "")).toEqual([]);
});

test("events come whole out of pieces of any size", () => {
  const stream = 'id: 8\nevent: log\ndata: {"text":"a\\n"}\n\n: still here\n\nevent: end\ndata: {}\n\n';
  for (const size of [1, 7, 1000]) {
    const reader = new EventReader();
    const found = [];
    for (let at = 0; at < stream.length; at += size) found.push(...reader.read(stream.slice(at, at + size)));
    expect(found).toEqual([
      { name: "log", data: '{"text":"a\\n"}', id: "8" },
      { name: "end", data: "{}", id: null },
    ]);
  }
});
