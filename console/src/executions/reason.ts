/** Why an execution failed, in plain words. Pure. */

import type { Failure } from "./spans";

const WHOLE: Readonly<Record<string, string>> = {
  Timeout: "It took longer than it may.",
  Expression: "An expression of the step has no value.",
  Limit: "It went over a bound that every execution has.",
  Terminated: "The workflow itself ended it there.",
  "Map.Failed": "More of its items failed than it tolerates.",
  "Map.TooManyItems": "There were more items than a map may have.",
  "Job.Failed": "The run of its job went wrong.",
  "Job.Timeout": "The run of its job took longer than it may.",
  "Job.Cancelled": "The run of its job was stopped.",
  "Job.Refused": "Its job could not be started.",
  "Workflow.Failed": "The execution that it started failed.",
  "Workflow.Terminated": "The execution that it started was terminated.",
};
const KINDS: Readonly<Record<string, string>> = {
  Http: "The call of the other system did not succeed.",
  Function: "Its code raised an error.",
  Integration: "The integration that it uses could not do its work.",
  Job: "The run of its job went wrong.",
  Workflow: "The execution that it started did not succeed.",
  Map: "Its items could not be gone through.",
};
const STATUS = /^Http\.(\d{3})$/;

/** A sentence for the name of a failure; the failure's own message says more. */
export function reasonText({ name }: Failure): string {
  const status = STATUS.exec(name)?.[1];
  if (status !== undefined) return `The other system answered ${status}.`;
  return WHOLE[name] ?? KINDS[name.split(".", 1)[0] ?? ""] ?? `It failed: ${name}.`;
}
