import { describe, expect, it } from "vitest";
import { datesOf, dayKey, daysOf, move, parseDay, stretchOf } from "./calendarDays";
import type { CalendarDays } from "./queries";

const day = (text: string) => {
  const found = parseDay(text);
  if (found === null) throw new Error(text);
  return found;
};
const entry = (name: string, statuses: Record<string, number>): CalendarDays["days"][0]["entries"][0] => ({
  schedule_id: name,
  name,
  first: "2026-11-17T09:00:00.000Z",
  last: "2026-11-17T11:00:00.000Z",
  count: Object.values(statuses).reduce((sum, each) => sum + each, 0),
  statuses,
});

describe("a calendar", () => {
  it("shows whole weeks from Monday on", () => {
    const shown = (span: "month" | "week" | "day", of: string) => {
      const { from, to } = stretchOf(span, day(of));
      return [dayKey(from), dayKey(to)];
    };
    expect(shown("month", "2026-11-22")).toEqual(["2026-10-26", "2026-12-07"]);
    expect(shown("month", "2027-02-10")).toEqual(["2027-02-01", "2027-03-01"]);
    expect(shown("week", "2026-11-22")).toEqual(["2026-11-16", "2026-11-23"]);
    expect(shown("week", "2026-11-23")).toEqual(["2026-11-23", "2026-11-30"]);
    expect(shown("day", "2026-12-31")).toEqual(["2026-12-31", "2027-01-01"]);
  });

  it("goes from month to month, also from the 31st", () => {
    expect(dayKey(move("month", day("2026-01-31"), 1))).toBe("2026-02-01");
    expect(dayKey(move("week", day("2026-12-30"), 1))).toBe("2027-01-06");
    expect(dayKey(move("day", day("2026-03-01"), -1))).toBe("2026-02-28");
  });

  it("reads days only", () => {
    expect(parseDay("2026-02-30")).toBeNull();
    expect(parseDay("x")).toBeNull();
    expect(parseDay(undefined)).toBeNull();
  });

  it("asks for whole days", () => {
    expect(datesOf("month", day("2026-11-22"))).toEqual({ from: "2026-10-26", to: "2026-12-07" });
    expect(datesOf("week", day("2026-12-30"))).toEqual({ from: "2026-12-28", to: "2027-01-04" });
  });

  it("has one entry for a schedule and day, with the worst of what became of it", () => {
    const days = daysOf("week", day("2026-11-18"), [
      { date: "2026-11-16", count: 0, schedules: 0, entries: [] },
      {
        date: "2026-11-17",
        count: 1483,
        schedules: 25,
        entries: [
          entry("a", { upcoming: 1410, succeeded: 29, failed: 1 }),
          entry("b", { skipped: 40 }),
          entry("c", { upcoming: 1, succeeded: 2 }),
        ],
      },
      // Of another week, while this one's answer is on its way.
      { date: "2026-12-17", count: 3, schedules: 1, entries: [entry("d", { upcoming: 3 })] },
    ]);
    expect(days.map((each) => each.key)).toEqual([
      "2026-11-16",
      "2026-11-17",
      "2026-11-18",
      "2026-11-19",
      "2026-11-20",
      "2026-11-21",
      "2026-11-22",
    ]);
    expect(days[1]?.entries).toEqual([
      { schedule: "a", name: "a", at: "2026-11-17T09:00:00.000Z", count: 1440, status: "failed" },
      { schedule: "b", name: "b", at: "2026-11-17T09:00:00.000Z", count: 40, status: "skipped" },
      { schedule: "c", name: "c", at: "2026-11-17T09:00:00.000Z", count: 3, status: "succeeded" },
    ]);
    expect(days[1]).toMatchObject({ count: 1483, schedules: 25, isOutside: false });
    expect(days.filter((each) => each.count > 0 || each.schedules > 0).length).toBe(1);
  });

  it("tells the days of the month from those around it", () => {
    const days = daysOf("month", day("2026-11-22"), []);
    expect(days.length).toBe(42);
    expect(days.filter((each) => !each.isOutside).length).toBe(30);
    expect(days[0]).toMatchObject({ key: "2026-10-26", isOutside: true, entries: [] });
  });
});
