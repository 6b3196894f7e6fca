/**
 * When the clocks of a zone change, and what that does to the due times around it. Pure; the zone's
 * rules are the browser's.
 */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export interface ClockChange {
  /** The first instant with the new offset, in milliseconds since 1970. */
  at: number;
  /** Offsets from UTC in minutes, before and after. */
  before: number;
  after: number;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      hourCycle: "h23",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
    });
    formats.set(zone, format);
  }
  return format;
}

/** What a clock in the zone shows, as if it were UTC, in milliseconds since 1970. */
export function wallClock(at: number, zone: string): number {
  const found: Record<string, number> = {};
  for (const { type, value } of formatOf(zone).formatToParts(at)) found[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = found;
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

export function offsetMinutes(at: number, zone: string): number {
  return Math.round((wallClock(at, zone) - Math.floor(at / 1000) * 1000) / MINUTE);
}

/** The changes after `from` and until `to`, in order, to the minute. */
export function clockChanges(zone: string, from: number, to: number): ClockChange[] {
  const found: ClockChange[] = [];
  let at = from;
  let before = offsetMinutes(at, zone);
  while (at < to) {
    const next = Math.min(at + 7 * DAY, to);
    const after = offsetMinutes(next, zone);
    if (after !== before) {
      found.push({ at: firstWith(zone, at, next, before), before, after });
      before = after;
    }
    at = next;
  }
  return found;
}

function firstWith(zone: string, from: number, to: number, before: number): number {
  let [low, high] = [Math.floor(from / MINUTE), Math.ceil(to / MINUTE)];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetMinutes(middle * MINUTE, zone) === before) low = middle;
    else high = middle;
  }
  return high * MINUTE;
}

function clockText(wall: number): string {
  return new Date(wall).toISOString().slice(11, 16);
}

function dayText(wall: number): string {
  return new Date(wall).toISOString().slice(0, 10);
}

/**
 * What a reader should know of a change, given the due times (milliseconds) of some days before and
 * after it; null where nothing is different then.
 */
export function warningOf(change: ClockChange, dueTimes: readonly number[], zone: string): string | null {
  const skips = change.after > change.before;
  const wallBefore = change.at + change.before * MINUTE;
  const wallAfter = change.at + change.after * MINUTE;
  const day = dayText(skips ? wallAfter : wallBefore);
  const clocks = `On ${day} the clocks go from ${clockText(wallBefore)} ${skips ? "to" : "back to"} ${clockText(wallAfter)}`;
  const near = dueTimes.filter((at) => Math.abs(at - change.at) <= 26 * HOUR);
  if (skips) {
    const timesOf = (due: readonly number[]) =>
      new Set(
        due
          .map((at) => wallClock(at, zone))
          .filter((wall) => dayText(wall) !== day)
          .map((wall) => wall % DAY),
      );
    const isDueAfter = near.includes(change.at);
    const earlier = timesOf(near.filter((at) => at < change.at));
    const later = timesOf(near.filter((at) => at > change.at));
    // Without a due time at the end of the gap, only what is due every day is lost for certain.
    const usual = isDueAfter ? timesOf(dueTimes) : new Set([...earlier].filter((time) => later.has(time)));
    const lost = [...usual].filter((time) => time >= wallBefore % DAY && time < wallAfter % DAY);
    if (lost.length === 0) return null;
    const times = lost.sort((a, b) => a - b).slice(0, 3).map(clockText).join(", ");
    const there = isDueAfter
      ? `due once at ${clockText(wallAfter)} for it`
      : "not due for it";
    return `${clocks}: ${times} does not exist that day, it is ${there}.`;
  }
  // From the first time that comes twice to the end of its second coming.
  const length = (change.before - change.after) * MINUTE;
  const twice = near.filter((at) => at >= change.at - length && at < change.at + length);
  if (twice.length === 0) return null;
  const walls = twice.map((at) => wallClock(at, zone));
  const isRepeated = new Set(walls).size < walls.length;
  return isRepeated
    ? `${clocks}: the hour comes twice, and it is due in both.`
    : `${clocks}: ${walls.slice(0, 3).map(clockText).join(", ")} comes twice that day, it is due at the ${twice.every((at) => at < change.at) ? "first" : "second"}.`;
}
