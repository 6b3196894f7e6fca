/** The days of a calendar, and what is due on them. Pure; days are those of the reader's clock. */

import type { CalendarDays } from "./queries";

export interface Entry {
  schedule: string;
  name: string;
  /** When the first of them is due. */
  at: string;
  count: number;
  /** The worst of what became of them. */
  status: string;
}

export interface Day {
  /** `2026-11-22`, by the reader's clock. */
  key: string;
  date: Date;
  isOutside: boolean;
  /** Of the first schedules of that day. */
  entries: Entry[];
  /** How many schedules are due, also those without an entry. */
  schedules: number;
  count: number;
}

export type Span = "month" | "week" | "day";

const WORST = ["failed", "missed", "skipped", "cancelled", "coalesced", "running", "pending", "succeeded", "upcoming"];

export function dayKey(date: Date): string {
  const two = (n: number) => String(n).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** Midnight of that day by the reader's clock; null for what is no day. */
export function parseDay(text: string | undefined): Date | null {
  const found = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text ?? "");
  if (found === null) return null;
  const date = new Date(Number(found[1]), Number(found[2]) - 1, Number(found[3]));
  return dayKey(date) === text ? date : null;
}

export function addDays(date: Date, days: number): Date {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() + days);
}

/** The days that are shown, whole weeks from Monday on; `to` is the first that is not. */
export function stretchOf(span: Span, day: Date): { from: Date; to: Date } {
  if (span === "day") return { from: day, to: addDays(day, 1) };
  const first = span === "week" ? day : new Date(day.getFullYear(), day.getMonth(), 1);
  const from = addDays(first, -((first.getDay() + 6) % 7));
  if (span === "week") return { from, to: addDays(from, 7) };
  const next = new Date(day.getFullYear(), day.getMonth() + 1, 1);
  return { from, to: addDays(next, (8 - next.getDay()) % 7) };
}

export function move(span: Span, day: Date, by: 1 | -1): Date {
  if (span === "month") return new Date(day.getFullYear(), day.getMonth() + by, 1);
  return addDays(day, span === "week" ? 7 * by : by);
}

/** The first day that is shown and the first that is not, as the server is asked for them. */
export function datesOf(span: Span, day: Date): { from: string; to: string } {
  const { from, to } = stretchOf(span, day);
  return { from: dayKey(from), to: dayKey(to) };
}

/** Every day that is shown, with what the server has counted; it may still tell of other days. */
export function daysOf(span: Span, day: Date, counted: CalendarDays["days"]): Day[] {
  const { from, to } = stretchOf(span, day);
  const known = new Map(counted.map((each) => [each.date, each]));
  const days: Day[] = [];
  for (let date = from; date < to; date = addDays(date, 1)) {
    const key = dayKey(date);
    const found = known.get(key);
    days.push({
      key,
      date,
      isOutside: span === "month" && date.getMonth() !== day.getMonth(),
      entries: (found?.entries ?? []).map((entry) => ({
        schedule: entry.schedule_id,
        name: entry.name,
        at: entry.first,
        count: entry.count,
        status: Object.keys(entry.statuses).reduce(worse),
      })),
      schedules: found?.schedules ?? 0,
      count: found?.count ?? 0,
    });
  }
  return days;
}

/** Of two states the one that more is wrong with. */
export function worse(a: string, b: string): string {
  const rank = (status: string) => (WORST.includes(status) ? WORST.indexOf(status) : WORST.length);
  return rank(a) <= rank(b) ? a : b;
}
