/** Due times, put into the days of a calendar. Pure; days are those of the reader's clock. */

import type { Occurrence } from "./queries";

export interface Entry {
  schedule: string;
  name: string;
  /** The first of them on that day. */
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
  entries: Entry[];
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

export function daysOf(span: Span, day: Date, occurrences: readonly Occurrence[]): Day[] {
  const { from, to } = stretchOf(span, day);
  const days = new Map<string, Day>();
  for (let date = from; date < to; date = addDays(date, 1)) {
    const isOutside = span === "month" && date.getMonth() !== day.getMonth();
    days.set(dayKey(date), { key: dayKey(date), date, isOutside, entries: [], count: 0 });
  }
  const entries = new Map<string, Entry>();
  for (const found of occurrences) {
    const key = dayKey(new Date(found.at));
    const shown = days.get(key);
    if (shown === undefined) continue;
    shown.count += found.count;
    const known = entries.get(`${key} ${found.schedule_id}`);
    if (known === undefined) {
      const entry = { schedule: found.schedule_id, name: found.name, at: found.at, count: found.count, status: found.status };
      entries.set(`${key} ${found.schedule_id}`, entry);
      shown.entries.push(entry);
    } else {
      known.count += found.count;
      known.status = worse(known.status, found.status);
    }
  }
  return [...days.values()];
}

/** Of two states the one that more is wrong with. */
export function worse(a: string, b: string): string {
  const rank = (status: string) => (WORST.includes(status) ? WORST.indexOf(status) : WORST.length);
  return rank(a) <= rank(b) ? a : b;
}
