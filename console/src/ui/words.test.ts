import { expect, test } from "vitest";
import { bytes, duration, isIpv4, lastDay, parseObject, plural, relative } from "./words";

test.each([
  [0, "0 ms"],
  [999, "999 ms"],
  [1400, "1.4 s"],
  [59_400, "59 s"],
  [60_000, "1 min"],
  [61_000, "1 min 1 s"],
  [3_599_600, "1 h"],
  [3_660_000, "1 h 1 min"],
])("%d ms is %s", (ms, text) => {
  expect(duration(ms)).toBe(text);
});

test.each([
  ["2026-01-01T00:00:00Z", "now"],
  ["2025-12-31T23:59:00Z", "1 min ago"],
  ["2026-01-04T00:00:00Z", "in 3 d"],
  ["2023-01-01T00:00:00Z", "3 y ago"],
])("%s is %s", (instant, text) => {
  expect(relative(instant, Date.parse("2026-01-01T00:00:00Z"))).toBe(text);
});

test("sizes and counts", () => {
  expect([bytes(999), bytes(1000), bytes(105_256), bytes(3_000_000_000)]).toEqual(["999 B", "1.0 kB", "105 kB", "3.0 GB"]);
  expect([plural(1, "rule"), plural(1200, "rule")]).toEqual(["1 rule", "1,200 rules"]);
});

test("a day that is meant whole ends with the next midnight", () => {
  expect(lastDay("2027-07-01T00:00:00.000Z")).toBe("2027-06-30");
  expect(lastDay("2027-06-30T18:00:00.000Z")).toBe("2027-06-30");
});

test.each(["0.0.0.0", "255.255.255.255", " 192.0.2.1 "])("%s is an address", (text) => {
  expect(isIpv4(text)).toBe(true);
});
test.each(["", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.4.", "::1", "1.2.3.a"])("%s is none", (text) => {
  expect(isIpv4(text)).toBe(false);
});

test("an input is an object", () => {
  expect(parseObject(' {"a": 1} ')).toEqual({ a: 1 });
  expect(parseObject("")).toEqual({});
  for (const text of ["[]", "null", "1", '{"a":']) expect(() => parseObject(text)).toThrow();
});
