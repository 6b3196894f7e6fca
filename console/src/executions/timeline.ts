/** Where the attempts of steps are drawn along the time. Pure. */

import { duration } from "../ui/words";
import { standing, type Kind, type Span } from "./spans";

export interface Bar {
  span: Span;
  kind: Kind;
  tone: string;
  /** Shares of the whole width: 0 to 1. */
  left: number;
  width: number;
}

export interface Row {
  step: string;
  bars: Bar[];
  /** Since the beginning, and altogether; milliseconds. */
  began: number;
  took: number;
  attempts: number;
  text: string;
}

export interface Timeline {
  rows: Row[];
  /** Rows that are not drawn. */
  hidden: number;
  /** Milliseconds from the first attempt to the end of the last, or to now. */
  length: number;
  ticks: { left: number; text: string }[];
}

export const MOST_ROWS = 200;
const MOST_TICKS = 5;
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Distances between ticks that people count in. */
const STEPS = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500].map((n) => n),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * MINUTE),
  ...[1, 2, 3, 6, 12].map((n) => n * HOUR),
  ...[1, 2, 7, 14, 30, 90, 365].map((n) => n * DAY),
];

/** One row a step, in the order in which they began. What goes on reaches to now. */
export function timelineOf(spans: readonly Span[], now: number): Timeline {
  const first = Math.min(...spans.map((span) => span.from));
  const endOf = (span: Span) => Math.max(span.from, span.to ?? now);
  const length = spans.length === 0 ? 0 : Math.max(...spans.map(endOf)) - first;
  const whole = Math.max(1, length);
  const rows = new Map<string, Row>();
  for (const span of spans) {
    const bar: Bar = {
      span,
      kind: span.kind,
      tone: standing(span).tone,
      left: (span.from - first) / whole,
      width: (endOf(span) - span.from) / whole,
    };
    const row = rows.get(span.step);
    const began = row?.began ?? span.from - first;
    rows.set(span.step, {
      step: span.step,
      bars: [...(row?.bars ?? []), bar],
      began,
      took: endOf(span) - first - began,
      attempts: (row?.attempts ?? 0) + (span.kind === "pause" ? 0 : 1),
      text: standing(span).text,
    });
  }
  const all = [...rows.values()];
  return {
    rows: all.slice(0, MOST_ROWS),
    hidden: Math.max(0, all.length - MOST_ROWS),
    length,
    ticks: ticksOf(length),
  };
}

/** At most six, at round distances, the first at the beginning. */
export function ticksOf(length: number): Timeline["ticks"] {
  if (length <= 0) return [{ left: 0, text: "0" }];
  const step = STEPS.find((each) => length / each <= MOST_TICKS) ?? 365 * DAY * Math.ceil(length / (365 * DAY * MOST_TICKS));
  const count = Math.floor(length / step);
  return Array.from({ length: count + 1 }, (_, index) => ({
    left: (index * step) / length,
    text: index === 0 ? "0" : tickText(index * step),
  }));
}

/** Short, for ticks are near to each other: `500 ms`, `15 s`, `2 h`, `3 d`. */
function tickText(ms: number): string {
  if (ms >= DAY && ms % DAY === 0) return `${ms / DAY} d`;
  if (ms < MINUTE && ms % SECOND === 0) return `${ms / SECOND} s`;
  return duration(ms);
}
