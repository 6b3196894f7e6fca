import { Select, Switch } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, good, type Schemas } from "../api/client";
import { faultOf } from "../schedules/draft";
import { FormDialog } from "../ui/FormDialog";
import { JsonInput } from "../ui/JsonInput";
import { toast } from "../ui/toasts";
import { nameOf, stepsOf } from "../workflows/definition";
import { versionQuery, versionsQuery } from "../workflows/queries";
import { payloadAfter } from "./payload";
import { executionsChanged, type Execution } from "./queries";
import type { Entry } from "./spans";

/** Takes a failed or terminated execution up again, with the outputs of the steps before. */
export function RetryDialog({
  execution,
  entries,
  start,
  onClose,
}: {
  execution: Execution;
  entries: Entry[];
  /** The step to begin with; null: those that were stopped. */
  start: string | null;
  onClose: () => void;
}) {
  const { workflow_id: workflow, workflow_version: number } = execution;
  const [version, setVersion] = useState(number);
  const versions = useQuery(versionsQuery(workflow));
  const chosen = useQuery(versionQuery(workflow, version));
  const ownSteps = stepsOf(execution.workflow_details.workflow_steps);
  const steps = version === number ? ownSteps : stepsOf(chosen.data?.workflow_steps);
  const [from, setFrom] = useState(start);
  const [isEdited, setIsEdited] = useState(false);
  const [payload, setPayload] = useState(() => JSON.stringify(payloadAfter(entries, ownSteps), null, 2));
  const fault = isEdited ? faultOf(() => JSON.parse(payload)) : null;
  const others = (versions.data ?? []).filter(
    (each) => each.workflow_status === "ACTIVE" && each.workflow_version !== number,
  );
  const save = async () => {
    await good(
      api.POST("/v1/workflows/retryworkflow/{execution_id}", {
        params: { path: { execution_id: execution.workflow_execution_id } },
        body: {
          ...(from === null ? {} : { from_step: from }),
          ...(version === number ? {} : { workflow_version: version }),
          ...(isEdited ? { payload: JSON.parse(payload) as Schemas["JsonValue"] } : {}),
        },
      }),
    );
    toast("Taken up again");
    await executionsChanged();
  };
  return (
    <FormDialog title="Retry the execution" action="Retry" size="lg" isBlocked={fault !== null} onSave={save} onClose={onClose}>
      <div>What the steps before have given stays as it was. The steps from here on are gone through again.</div>
      <Select
        label="From"
        placeholder="The steps that failed or were stopped"
        clearable
        clearButtonProps={{ "aria-label": "The steps that failed or were stopped" }}
        data={steps.map((step) => ({ value: step.id, label: nameOf(step) }))}
        value={from}
        onChange={setFrom}
      />
      <Select
        label="Version"
        description={others.length === 0 ? "No other version is active" : "It stays on it from then on"}
        allowDeselect={false}
        disabled={others.length === 0}
        data={[
          { value: String(number), label: `${number}, as before` },
          ...others.map((each) => ({ value: String(each.workflow_version), label: String(each.workflow_version) })),
        ]}
        value={String(version)}
        onChange={(value) => setVersion(Number(value))}
      />
      <Switch label="Go on with another payload" checked={isEdited} onChange={(event) => setIsEdited(event.currentTarget.checked)} />
      {isEdited && (
        <JsonInput
          label="Payload"
          description="Any JSON; the steps from here on see it as payload"
          minRows={6}
          value={payload}
          fault={fault}
          onChange={setPayload}
        />
      )}
    </FormDialog>
  );
}
