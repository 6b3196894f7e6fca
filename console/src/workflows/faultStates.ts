import { plural } from "../ui/words";
import type { PlacedFaults } from "./faults";
import type { StepState } from "./Graph";

/** The steps with faults, as the graph marks them. */
export function faultStates(placed: PlacedFaults): Record<string, StepState> {
  return Object.fromEntries(
    Object.entries(placed.steps).map(([id, found]) => [id, { tone: "bad", text: plural(found.length, "fault") }]),
  );
}
