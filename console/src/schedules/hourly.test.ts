import { expect, test } from "vitest";
import { linesOf, minutesBetween, statusCounts, timesOf } from "./hourly";
import type { Occurrence } from "./queries";

const due = (schedule: string, hour: number, minute: number, status = "succeeded", count = 1): Occurrence => ({
  schedule_id: schedule,
  name: schedule,
  at: new Date(2026, 10, 22, hour, minute).toISOString(),
  status,
  reason: "",
  firing_id: null,
  count,
});
const minutes = (from: number, to: number, status?: string) =>
  Array.from({ length: to - from }, (_, index) => due("often", 9, from + index, status));

test("what is due often within an hour is one line, at the place of its first due time", () => {
  const often = [...minutes(0, 40), ...minutes(40, 42, "failed"), ...minutes(42, 60, "upcoming")];
  const lines = linesOf([...often.slice(0, 30), due("report", 9, 30), ...often.slice(30), due("often", 10, 0)]);
  expect(lines.map((line) => [line.occurrences[0].name, line.occurrences.length, statusCounts(line.occurrences)[0]?.[0]])).toEqual([
    ["often", 60, "failed"],
    ["report", 1, "succeeded"],
    ["often", 1, "succeeded"],
  ]);
  expect(new Set(lines.map((line) => line.key)).size).toBe(3);
  expect(statusCounts(often)).toEqual([["failed", 2], ["succeeded", 40], ["upcoming", 18]]);
});

test("three times in an hour are three lines, four are one; each schedule is for itself", () => {
  const quarters = [0, 15, 30].map((minute) => due("a", 8, minute));
  expect(linesOf(quarters)).toHaveLength(3);
  expect(linesOf([...quarters, due("b", 8, 40)])).toHaveLength(4);
  expect(linesOf([...quarters, due("a", 8, 45)])).toHaveLength(1);
  expect(linesOf([])).toEqual([]);
});

test("the pause between the due times is told where it is always the same", () => {
  expect(minutesBetween(minutes(0, 60))).toBe(1);
  expect(minutesBetween([0, 15, 30, 45].map((minute) => due("a", 8, minute)))).toBe(15);
  expect(minutesBetween([0, 15, 31, 45].map((minute) => due("a", 8, minute)))).toBeNull();
  expect(minutesBetween([...minutes(0, 4), due("often", 9, 4, "skipped", 10)])).toBeNull();
  expect(minutesBetween([due("a", 8, 0), due("a", 8, 0)])).toBeNull();
});

test("a row that stands for several due times counts as so many", () => {
  const found = [...minutes(0, 4), due("often", 9, 5, "skipped", 40)];
  expect(timesOf(found)).toBe(44);
  expect(statusCounts(found)).toEqual([["skipped", 40], ["succeeded", 4]]);
});
