/** The due times of a day as a list that can be read: one line for what is due often. Pure. */

import { worse } from "./calendarDays";
import type { Occurrence } from "./queries";

/** What one schedule is due for within an hour: a single line of the list. */
export interface Line {
  key: string;
  /** In order; one alone, or more than a few. */
  occurrences: [Occurrence, ...Occurrence[]];
}

/** A schedule that is due so often within an hour is still read line by line. */
const FEW = 3;

/** Lines in the order of their first due times; hours are those of the reader's clock. */
export function linesOf(occurrences: readonly Occurrence[]): Line[] {
  const hours = new Map<string, [Occurrence, ...Occurrence[]]>();
  for (const each of occurrences) {
    const key = hourKey(each);
    const known = hours.get(key);
    if (known === undefined) hours.set(key, [each]);
    else known.push(each);
  }
  const lines: Line[] = [];
  const shown = new Set<string>();
  for (const each of occurrences) {
    const key = hourKey(each);
    const hour = hours.get(key) ?? [each];
    if (hour.length <= FEW) {
      lines.push({ key: keyOf(each), occurrences: [each] });
    } else if (!shown.has(key)) {
      shown.add(key);
      lines.push({ key, occurrences: hour });
    }
  }
  return lines;
}

export function keyOf(occurrence: Occurrence): string {
  return occurrence.firing_id ?? `${occurrence.schedule_id} ${occurrence.at}`;
}

/** How many due times they stand for. */
export function timesOf(occurrences: readonly Occurrence[]): number {
  return occurrences.reduce((sum, each) => sum + each.count, 0);
}

/** The minutes between each two of them; null where that differs, or is not whole. */
export function minutesBetween(occurrences: readonly Occurrence[]): number | null {
  const times = occurrences.map((each) => Date.parse(each.at));
  const [first = 0, second = 0] = times;
  const gap = second - first;
  const isRegular = times.every((time, index) => time === first + index * gap) && occurrences.every((each) => each.count === 1);
  return isRegular && gap > 0 && gap % 60_000 === 0 ? gap / 60_000 : null;
}

/** How many of the due times came to what, the worst first: `[["failed", 2], ["succeeded", 58]]`. */
export function statusCounts(occurrences: readonly Occurrence[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const each of occurrences) counts.set(each.status, (counts.get(each.status) ?? 0) + each.count);
  return [...counts].sort(([one], [other]) => (one === other ? 0 : worse(one, other) === one ? -1 : 1));
}

function hourKey(occurrence: Occurrence): string {
  return `${occurrence.schedule_id} ${hourOf(occurrence.at)}`;
}

/** When its hour begins. Of the two hours that a change of the clocks makes alike, each is its own. */
function hourOf(at: string): number {
  const date = new Date(at);
  return date.getTime() - (date.getMinutes() * 60 + date.getSeconds()) * 1000 - date.getMilliseconds();
}
