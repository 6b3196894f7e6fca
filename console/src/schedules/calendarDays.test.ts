import { describe, expect, it } from "vitest";
import { dayKey, daysOf, move, parseDay, stretchOf } from "./calendarDays";
import type { Occurrence } from "./queries";

const day = (text: string) => {
  const found = parseDay(text);
  if (found === null) throw new Error(text);
  return found;
};
const due = (schedule: string, at: Date, status = "upcoming", count = 1): Occurrence => ({
  schedule_id: schedule,
  name: schedule,
  at: at.toISOString(),
  status,
  reason: "",
  firing_id: null,
  count,
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

  it("has one entry for a schedule and day, with the worst of what became of it", () => {
    const days = daysOf("week", day("2026-11-18"), [
      due("a", new Date(2026, 10, 17, 9), "succeeded"),
      due("a", new Date(2026, 10, 17, 10), "failed"),
      due("a", new Date(2026, 10, 17, 11), "upcoming"),
      due("b", new Date(2026, 10, 17, 12), "skipped", 40),
      due("c", new Date(2026, 11, 17, 12)),
    ]);
    expect(days.length).toBe(7);
    const tuesday = days[1];
    expect(tuesday?.entries).toMatchObject([
      { name: "a", count: 3, status: "failed" },
      { name: "b", count: 40, status: "skipped" },
    ]);
    expect(tuesday?.count).toBe(43);
    expect(days.filter((each) => each.count > 0).length).toBe(1);
  });
});
