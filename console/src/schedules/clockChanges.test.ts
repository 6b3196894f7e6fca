import { describe, expect, it } from "vitest";
import { clockChanges, offsetMinutes, wallClock, warningOf } from "./clockChanges";

const BERLIN = "Europe/Berlin";
const at = (text: string) => Date.parse(text);
const SPRING = { at: at("2026-03-29T01:00:00Z"), before: 60, after: 120 };
const AUTUMN = { at: at("2026-10-25T01:00:00Z"), before: 120, after: 60 };

describe("clocks", () => {
  it("are read in any zone", () => {
    expect(wallClock(at("2026-07-01T12:00:00Z"), BERLIN)).toBe(at("2026-07-01T14:00:00Z"));
    expect(offsetMinutes(at("2026-07-01T12:00:00.750Z"), "Asia/Kathmandu")).toBe(345);
    expect(offsetMinutes(at("2026-01-01T00:00:00Z"), "UTC")).toBe(0);
  });

  it("change twice a year in Berlin, by half an hour on Lord Howe, never in UTC", () => {
    const [from, to] = [at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z")];
    expect(clockChanges(BERLIN, from, to)).toEqual([SPRING, AUTUMN]);
    expect(clockChanges("Australia/Lord_Howe", from, to).map((each) => each.after - each.before)).toEqual([-30, 30]);
    expect(clockChanges("UTC", from, to)).toEqual([]);
  });
});

describe("a warning", () => {
  const halfPastTwo = (moved: string) => [at("2026-03-28T01:30:00Z"), at(moved), at("2026-03-30T00:30:00Z")];

  it("is given for a time that is skipped and is due after the gap", () => {
    expect(warningOf(SPRING, halfPastTwo("2026-03-29T01:00:00Z"), BERLIN)).toBe(
      "On 2026-03-29 the clocks go from 02:00 to 03:00: 02:30 does not exist that day, it is due once at 03:00 for it.",
    );
  });

  it("is given for a time that is skipped and lost", () => {
    const found = warningOf(SPRING, [at("2026-03-28T01:30:00Z"), at("2026-03-30T00:30:00Z")], BERLIN);
    expect(found).toContain("02:30 does not exist that day, it is not due for it");
  });

  it("is given for a time that is due once a week", () => {
    const due = [at("2026-03-22T01:30:00Z"), SPRING.at, at("2026-04-05T00:30:00Z")];
    expect(warningOf(SPRING, due, BERLIN)).toContain("02:30 does not exist that day, it is due once at 03:00");
  });

  it("is not given for a time that is not due on that day of the week anyway", () => {
    const due = [at("2026-03-27T01:30:00Z"), at("2026-03-30T00:30:00Z")];
    expect(warningOf(SPRING, due, BERLIN)).toBeNull();
  });

  it("is given for a time that comes twice and is due at the first", () => {
    const due = [at("2026-10-24T00:30:00Z"), at("2026-10-25T00:30:00Z"), at("2026-10-26T01:30:00Z")];
    expect(warningOf(AUTUMN, due, BERLIN)).toBe(
      "On 2026-10-25 the clocks go from 03:00 back to 02:00: 02:30 comes twice that day, it is due at the first.",
    );
  });

  it("says where both of them are due", () => {
    const due = [at("2026-10-25T00:30:00Z"), at("2026-10-25T01:30:00Z")];
    expect(warningOf(AUTUMN, due, BERLIN)).toContain("due in both");
  });

  it("is not given for what is due at nine", () => {
    const nine = (first: string, second: string) => [at(first), at(second)];
    expect(warningOf(SPRING, nine("2026-03-28T08:00:00Z", "2026-03-29T07:00:00Z"), BERLIN)).toBeNull();
    expect(warningOf(AUTUMN, nine("2026-10-24T07:00:00Z", "2026-10-25T08:00:00Z"), BERLIN)).toBeNull();
  });
});
