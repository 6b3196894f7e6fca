import { describe, expect, it } from "vitest";
import { joined, latenessOf, stretches, sumsOf, throughputOf, type Bucket } from "./buckets";

const NONE = { succeeded: 0, failed: 0, cancelled: 0 };

function bucket(more: Partial<Bucket>): Bucket {
  const firings = { started: 0, p50_ms: null, p95_ms: null, max_ms: null };
  return { at: "2026-11-22T09:00:00.000Z", runs: NONE, executions: NONE, firings, ...more };
}

describe("stretches", () => {
  it("end with the bucket that is on, and cut off its last two", () => {
    const now = Date.parse("2026-11-22T09:30:15Z");
    expect(stretches("hour", now)).toEqual({
      from: "2026-11-21T10:00:00.000Z",
      middle: "2026-11-22T08:00:00.000Z",
      to: "2026-11-22T10:00:00.000Z",
    });
    expect(stretches("minute", now)).toEqual({
      from: "2026-11-22T08:31:00.000Z",
      middle: "2026-11-22T09:29:00.000Z",
      to: "2026-11-22T09:31:00.000Z",
    });
  });

  it("hold the first instant of a bucket in that one", () => {
    expect(stretches("hour", Date.parse("2026-11-22T09:00:00Z")).to).toBe("2026-11-22T10:00:00.000Z");
  });
});

describe("the two parts", () => {
  it("are joined in order, the later word of a bucket before the earlier one", () => {
    const [one, two, three] = ["08", "09", "10"].map((hour) => bucket({ at: `2026-11-22T${hour}:00:00.000Z` }));
    const newer = bucket({ runs: { ...NONE, failed: 1 } });
    if (one === undefined || two === undefined || three === undefined) throw new Error("no buckets");
    expect(joined([one, two], [newer, three])).toEqual([one, newer, three]);
  });
});

describe("what ended", () => {
  it("is runs and executions together", () => {
    const bars = [
      bucket({ runs: { succeeded: 3, failed: 1, cancelled: 2 }, executions: { succeeded: 4, failed: 5, cancelled: 0 } }),
      bucket({ runs: { succeeded: 1, failed: 0, cancelled: 0 } }),
    ].map(throughputOf);
    expect(bars[0]).toEqual({ at: "2026-11-22T09:00:00.000Z", good: 7, bad: 6, idle: 2, all: 15 });
    expect(sumsOf(bars)).toEqual({ good: 8, bad: 6, idle: 2, most: 15 });
  });
});

describe("lateness", () => {
  it("is the worst of all buckets", () => {
    const late = [
      bucket({ firings: { started: 2, p50_ms: 1, p95_ms: 900, max_ms: 1000 } }),
      bucket({}),
      bucket({ firings: { started: 3, p50_ms: 7, p95_ms: 8, max_ms: 5000 } }),
    ];
    expect(latenessOf(late)).toEqual({ started: 5, p95: 900, max: 5000 });
    expect(latenessOf([])).toEqual({ started: 0, p95: 0, max: 0 });
  });
});
