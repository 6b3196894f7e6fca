import { describe, expect, it } from "vitest";
import { batchesOf, parseRecords } from "./records";

const A = { external_id: "a", data: { due: "2040-01-01" } };

describe("a file of records", () => {
  it("is a JSON array, wrapped or plain", () => {
    expect(parseRecords(JSON.stringify([A, { external_id: 7, n: 1 }]), "x")).toEqual([
      A,
      { external_id: "7", data: { n: 1 } },
    ]);
  });

  it("is JSON lines", () => {
    expect(parseRecords(`${JSON.stringify(A)}\n\n${JSON.stringify(A)}\n`, "x.jsonl")).toEqual([A, A]);
    expect(() => parseRecords(`${JSON.stringify(A)}\n{`, "x")).toThrow("Line 2 is not JSON");
  });

  it("is CSV, with quotes, numbers and empty cells", () => {
    const text = '\uFEFFexternal_id,name,n,ok,zip\r\n1,"a ""b"", c\nd",1.5,true,007\r\n2,,,,x\r\n';
    expect(parseRecords(text, "x.CSV")).toEqual([
      { external_id: "1", data: { name: 'a "b", c\nd', n: 1.5, ok: true, zip: "007" } },
      { external_id: "2", data: { zip: "x" } },
    ]);
  });

  it.each([
    ["", "x.csv", "empty"],
    ["hello", "x.txt", "neither"],
    ["a,b\n1,2", "x.csv", "external_id"],
    ["external_id,b\n1", "x.csv", "Row 2 has 1 cells"],
    ['external_id\n"1', "x.csv", "no end"],
    ["[1]", "x", "Record 1 is no JSON object"],
    ['[{"a": 1}]', "x", "Record 1 has no external_id"],
    ["[", "x", "not JSON"],
  ])("says what is wrong with %j", (text, name, message) => {
    expect(() => parseRecords(text, name)).toThrow(message);
  });
});

describe("batches", () => {
  it("hold a thousand records, or as many as fit into a request", () => {
    const small = Array.from({ length: 2001 }, (_, n) => ({ external_id: String(n), data: {} }));
    expect(batchesOf(small).map((each) => each.length)).toEqual([1000, 1000, 1]);
    const large = Array.from({ length: 5 }, () => ({ ...A, data: { text: "x".repeat(100_000) } }));
    expect(batchesOf(large).map((each) => each.length)).toEqual([2, 2, 1]);
    expect(batchesOf([])).toEqual([]);
  });
});
