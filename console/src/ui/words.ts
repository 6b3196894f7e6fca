/** Numbers and times as people read them. Pure: whoever calls says what time it is. */

export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  if (hours === 0) return rest === 0 ? `${minutes} min` : `${minutes} min ${rest} s`;
  return minutes === 0 ? `${hours} h` : `${hours} h ${minutes} min`;
}

const STEPS: readonly [number, string][] = [
  [60, "s"],
  [60, "min"],
  [24, "h"],
  [30, "d"],
  [12, "mo"],
];

/** `5 min ago`, `in 3 d`, `now`. */
export function relative(instant: string, now: number): string {
  const ms = Date.parse(instant) - now;
  let amount = Math.abs(ms) / 1000;
  if (amount < 5) return "now";
  let unit = "y";
  for (const [size, name] of STEPS) {
    if (amount < size) {
      unit = name;
      break;
    }
    amount /= size;
  }
  const text = `${Math.floor(amount)} ${unit}`;
  return ms < 0 ? `${text} ago` : `in ${text}`;
}

const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeZone: "UTC" });
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const DAY_MS = 86_400_000;

export function instantText(instant: string): string {
  return FULL.format(new Date(instant));
}

/** The time of day by the reader's clock: `09:05`. */
export function clockText(instant: string): string {
  return CLOCK.format(new Date(instant));
}

/** The last day (UTC) on which something works that is dead from this instant on: `2027-06-30`. */
export function lastDay(instant: string): string {
  const at = Date.parse(instant);
  return new Date(at % DAY_MS === 0 ? at - 1 : at).toISOString().slice(0, 10);
}

/** A day of UTC as people write it. */
export function dayText(day: string): string {
  return DAY.format(new Date(day));
}

export function bytes(size: number): string {
  if (size < 1000) return `${size} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let amount = size / 1000;
  let unit = 0;
  while (amount >= 1000 && unit < units.length - 1) {
    amount /= 1000;
    unit += 1;
  }
  return `${amount < 10 ? amount.toFixed(1) : Math.round(amount)} ${units[unit] ?? ""}`;
}

export function count(n: number): string {
  return n.toLocaleString("en");
}

export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** The name of a state, as people say it: `RUNNING` and `not_due` are `Running` and `Not due`. */
export function stateText(state: string): string {
  return state.charAt(0).toUpperCase() + state.slice(1).toLowerCase().replaceAll("_", " ");
}

/** An instant on the wall clock of a zone: `Mon, 30 Mar 2026, 09:00 GMT+2`. */
export function zonedText(instant: string, timeZone: string): string {
  return zoned(timeZone).format(new Date(instant));
}

const zonedFormats = new Map<string, Intl.DateTimeFormat>();

function zoned(timeZone: string): Intl.DateTimeFormat {
  let format = zonedFormats.get(timeZone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat("en-GB", {
      weekday: "short",
      day: "numeric",
      month: "short",
      year: "numeric",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
      timeZoneName: "short",
      timeZone,
    });
    zonedFormats.set(timeZone, format);
  }
  return format;
}

const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/;

export function isIpv4(text: string): boolean {
  return IPV4.test(text.trim());
}

/** The JSON object in `text`; empty text is an empty one. Throws with a sentence for what is none. */
export function parseObject(text: string): Record<string, unknown> {
  if (text.trim() === "") return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`This is not JSON: ${error instanceof Error ? error.message : ""}`, { cause: error });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Error('The input is a JSON object: {"name": "value"}.');
  }
  return value as Record<string, unknown>;
}
