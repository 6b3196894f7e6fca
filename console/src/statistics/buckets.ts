/** Buckets of time, as charts show them. Pure. */

import type { Schemas } from "../api/client";

export type Bucket = Schemas["BucketBody"];
export type Step = "hour" | "minute";

const LENGTH_MS: Record<Step, number> = { hour: 3_600_000, minute: 60_000 };
const SHOWN: Record<Step, number> = { hour: 24, minute: 60 };
const LIVE = 2;

/**
 * The stretch in two parts: what is over and changes hardly any more, and its end, which does. The one
 * before the last is live too: what ended at the very end of it may be written a moment later.
 */
export function stretches(step: Step, now: number): { from: string; middle: string; to: string } {
  const end = (Math.floor(now / LENGTH_MS[step]) + 1) * LENGTH_MS[step];
  return {
    from: new Date(end - SHOWN[step] * LENGTH_MS[step]).toISOString(),
    middle: new Date(end - LIVE * LENGTH_MS[step]).toISOString(),
    to: new Date(end).toISOString(),
  };
}

/** Both parts as one, in order; where they meet or overlap for a moment, each bucket once. */
export function joined(before: readonly Bucket[], live: readonly Bucket[]): Bucket[] {
  const found = new Map([...before, ...live].map((bucket) => [bucket.at, bucket]));
  return [...found.values()].sort((one, other) => Date.parse(one.at) - Date.parse(other.at));
}

export interface Throughput {
  at: string;
  good: number;
  bad: number;
  idle: number;
  all: number;
}

/** Runs and executions of a bucket together, by what became of them. */
export function throughputOf({ at, runs, executions }: Bucket): Throughput {
  const good = runs.succeeded + executions.succeeded;
  const bad = runs.failed + executions.failed;
  const idle = runs.cancelled + executions.cancelled;
  return { at, good, bad, idle, all: good + bad + idle };
}

export interface Sums {
  good: number;
  bad: number;
  idle: number;
  most: number;
}

export function sumsOf(bars: readonly Throughput[]): Sums {
  const sums = { good: 0, bad: 0, idle: 0, most: 0 };
  for (const bar of bars) {
    sums.good += bar.good;
    sums.bad += bar.bad;
    sums.idle += bar.idle;
    sums.most = Math.max(sums.most, bar.all);
  }
  return sums;
}

/** How many firings started, and the worst lateness of any of them and of 95 % in any bucket. */
export function latenessOf(buckets: readonly Bucket[]): { started: number; p95: number; max: number } {
  const found = { started: 0, p95: 0, max: 0 };
  for (const { firings } of buckets) {
    found.started += firings.started;
    found.p95 = Math.max(found.p95, firings.p95_ms ?? 0);
    found.max = Math.max(found.max, firings.max_ms ?? 0);
  }
  return found;
}
