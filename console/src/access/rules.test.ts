import { expect, test } from "vitest";
import { faultsOf, freeName } from "./rules";

const office = { id: 1, name: "Office", start: "192.0.2.16", end: "192.0.2.31" };

test("a rule is a name and a range", () => {
  expect(faultsOf(office, [office])).toEqual({});
  expect(faultsOf({ ...office, end: "192.0.2.15" }, [])).toEqual({ end: "Before the start" });
  expect(faultsOf({ ...office, start: "9.9.9.9", end: "10.0.0.1" }, [])).toEqual({});
  expect(Object.keys(faultsOf({ id: 2, name: " ", start: "", end: "x" }, []))).toEqual(["name", "start", "end"]);
});

test("names are unique whatever their case", () => {
  expect(faultsOf({ ...office, id: 2, name: "office " }, [office])).toEqual({ name: "Another rule has this name" });
  expect(freeName("OFFICE", [office])).toBe("OFFICE 2");
  expect(freeName("Client", [office])).toBe("Client");
});
