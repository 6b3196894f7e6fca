import { Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { WorkflowSelect } from "../executions/WorkflowSelect";
import { JsonInput } from "../ui/JsonInput";
import { versionsQuery } from "../workflows/queries";
import type { ActionDraft } from "./draft";

/** Which workflow a schedule starts, and with what. */
export function WorkflowFields({
  action,
  project,
  fault,
  onChange,
}: {
  action: ActionDraft;
  /** Of a schedule that there is already: it stays in its project. */
  project?: string;
  fault: string | null;
  onChange: (part: Partial<ActionDraft>) => void;
}) {
  const { workflowId, workflowVersion } = action;
  const versions = useQuery({ ...versionsQuery(workflowId ?? ""), enabled: workflowId !== null });
  const numbers = (versions.data ?? [])
    .filter((each) => each.workflow_status === "ACTIVE" || each.workflow_status === "PAUSED")
    .map((each) => each.workflow_version);
  if (workflowVersion !== null && !numbers.includes(workflowVersion)) numbers.unshift(workflowVersion);
  return (
    <>
      <WorkflowSelect
        label="Workflow"
        required
        placeholder="Search by name"
        project={project}
        value={workflowId}
        onChange={(value) => onChange({ workflowId: value, workflowVersion: null })}
      />
      <Select
        label="Version"
        placeholder="The latest active one"
        clearable
        clearButtonProps={{ "aria-label": "The latest active one" }}
        disabled={workflowId === null}
        data={numbers.map(String)}
        value={workflowVersion === null ? null : String(workflowVersion)}
        onChange={(value) => onChange({ workflowVersion: value === null ? null : Number(value) })}
      />
      <JsonInput
        label="Payload"
        description="Any JSON; empty: none"
        placeholder='{"country": "NZ"}'
        value={action.payload}
        fault={fault}
        onChange={(payload) => onChange({ payload })}
      />
    </>
  );
}
