import { describe, expect, it } from "vitest";
import type { Span } from "./spans";
import { MOST_ROWS, ticksOf, timelineOf } from "./timeline";

function span(step: string, from: number, to: number | null, more: Partial<Span> = {}): Span {
  return {
    step, kind: "work", attempt: 1, from, to, due: null, outcome: to === null ? "open" : "succeeded",
    input: null, output: null, error: null, caught: null, ...more,
  }; // prettier-ignore
}

describe("a timeline", () => {
  it("places bars by their share of the whole time, one row a step", () => {
    const drawn = timelineOf(
      [
        span("a", 1000, 1000),
        span("b", 1000, 1500, { outcome: "failed" }),
        span("b", 1500, 1750, { kind: "pause", outcome: "cancelled" }),
        span("b", 1750, 2000, { attempt: 2 }),
      ],
      9999,
    );
    expect(drawn.length).toBe(1000);
    expect(drawn.rows.map((row) => row.step)).toEqual(["a", "b"]);
    expect(drawn.rows[0]?.bars[0]).toMatchObject({ left: 0, width: 0, tone: "good" });
    expect(drawn.rows[1]?.bars.map((bar) => [bar.left, bar.width, bar.tone])).toEqual([
      [0, 0.5, "bad"],
      [0.5, 0.25, "idle"],
      [0.75, 0.25, "good"],
    ]);
    expect(drawn.rows[1]).toMatchObject({ began: 0, took: 1000, attempts: 2, text: "Succeeded" });
  });

  it("reaches to now while something goes on, and never backwards", () => {
    const drawn = timelineOf([span("a", 100, null, { kind: "answer" })], 600);
    expect(drawn.length).toBe(500);
    expect(drawn.rows[0]).toMatchObject({ took: 500, text: "Waits for an answer" });
    // The reader's clock is behind the server's.
    expect(timelineOf([span("a", 100, null)], 40).rows[0]?.bars[0]?.width).toBe(0);
  });

  it("of nothing, and of no time at all, is a timeline too", () => {
    expect(timelineOf([], 5)).toMatchObject({ rows: [], hidden: 0, length: 0 });
    expect(timelineOf([span("a", 7, 7)], 7).rows[0]?.bars[0]).toMatchObject({ left: 0, width: 0 });
  });

  it("draws so many rows and counts the others", () => {
    const many = Array.from({ length: MOST_ROWS + 3 }, (_, n) => span(`each[${n}]`, n, n + 1));
    const drawn = timelineOf(many, 0);
    expect([drawn.rows.length, drawn.hidden]).toEqual([MOST_ROWS, 3]);
  });
});

describe("ticks", () => {
  it.each([
    [0, ["0"]],
    [900, ["0", "200 ms", "400 ms", "600 ms", "800 ms"]],
    [62_000, ["0", "15 s", "30 s", "45 s", "1 min"]],
    [3_600_000 * 50, ["0", "12 h", "1 d", "36 h", "2 d"]],
  ])("of %d ms stand at round distances", (length, texts) => {
    expect(ticksOf(length).map((tick) => tick.text)).toEqual(texts);
  });

  it("are never more than six, however long it is", () => {
    for (let length = 1; length < 1e13; length *= 3) {
      const ticks = ticksOf(length);
      expect(ticks.length).toBeLessThanOrEqual(6);
      expect(ticks.every((tick) => tick.left >= 0 && tick.left <= 1)).toBe(true);
    }
  });
});
