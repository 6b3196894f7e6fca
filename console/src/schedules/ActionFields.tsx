import { NumberInput, PasswordInput, Select, Stack, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { jobQuery, jobsQuery } from "../api/queries";
import { JsonInput } from "../ui/JsonInput";
import { PairRows } from "../ui/PairRows";
import { isFormed, type ActionDraft, type Draft } from "./draft";
import { NotifyFields } from "./NotifyFields";
import { WorkflowFields } from "./WorkflowFields";

const TYPES = [
  { value: "run_job", label: "Run a job" },
  { value: "run_workflow", label: "Start a workflow" },
  { value: "notify", label: "Tell people" },
  { value: "send_webhook", label: "Send a webhook" },
  { value: "log_event", label: "Write a line into the server's log" },
];

export function ActionFields({
  draft,
  isNew,
  faults,
  onType,
  onChange,
}: {
  draft: Draft;
  isNew: boolean;
  faults: Record<"input" | "body" | "payload" | "config", string | null>;
  onType: (type: string) => void;
  onChange: (part: Partial<ActionDraft>) => void;
}) {
  const { action, actionType } = draft;
  const types = TYPES.some((each) => each.value === actionType)
    ? TYPES
    : [...TYPES, { value: actionType, label: actionType }];
  return (
    <Stack>
      <Select
        label="What it does"
        description={isNew ? undefined : "It cannot be changed later"}
        data={types}
        allowDeselect={false}
        disabled={!isNew}
        value={actionType}
        onChange={(value) => onType(value ?? "run_job")}
      />
      {actionType === "run_job" && (
        <>
          <JobChoice
            jobId={action.jobId}
            project={isNew ? undefined : (draft.project ?? undefined)}
            onChange={(jobId) => onChange({ jobId })}
          />
          <JsonInput
            label="Input"
            description="A JSON object: the function gets the arguments it asks for"
            placeholder='{"country": "NZ"}'
            value={action.input}
            fault={faults.input}
            onChange={(input) => onChange({ input })}
          />
          <PairRows what="macro" pairs={action.macros} onChange={(macros) => onChange({ macros })} />
        </>
      )}
      {actionType === "run_workflow" && (
        <WorkflowFields
          action={action}
          project={isNew ? undefined : (draft.project ?? undefined)}
          fault={faults.payload}
          onChange={onChange}
        />
      )}
      {actionType === "notify" && (
        <NotifyFields action={action} project={draft.project ?? undefined} onChange={onChange} />
      )}
      {actionType === "send_webhook" && (
        <>
          <TextInput
            label="URL"
            type="url"
            required
            placeholder="https://example.com/hook"
            value={action.url}
            onChange={(event) => onChange({ url: event.currentTarget.value })}
          />
          <Select
            label="Method"
            data={["POST", "PUT", "PATCH", "GET", "DELETE"]}
            allowDeselect={false}
            value={action.method}
            onChange={(value) => onChange({ method: value ?? "POST" })}
          />
          <JsonInput
            label="Body"
            description="Any JSON; empty: none"
            value={action.body}
            fault={faults.body}
            onChange={(body) => onChange({ body })}
          />
          <PairRows what="header" pairs={action.headers} onChange={(headers) => onChange({ headers })} />
          <NumberInput
            label="Timeout"
            description="Seconds"
            min={1}
            max={300}
            allowDecimal={false}
            value={action.timeoutSeconds}
            onChange={(value) => onChange({ timeoutSeconds: Number(value) })}
          />
          <PasswordInput
            label="Signing secret"
            description={
              isNew
                ? "Signs the request as Standard Webhooks says; never shown again"
                : "Empty: as it was. It is never shown"
            }
            placeholder="whsec_…"
            autoComplete="off"
            visibilityToggleButtonProps={{ "aria-label": "Show the secret", tabIndex: 0 }}
            value={action.secret}
            onChange={(event) => onChange({ secret: event.currentTarget.value })}
          />
        </>
      )}
      {!isFormed(actionType) && (
        <JsonInput
          label={actionType === "log_event" ? "Fields of the line" : "Configuration"}
          description="A JSON object"
          placeholder='{"note": "Close the books"}'
          value={action.config}
          fault={faults.config}
          onChange={(config) => onChange({ config })}
        />
      )}
    </Stack>
  );
}

function JobChoice({
  jobId,
  project,
  onChange,
}: {
  jobId: string | null;
  project?: string;
  onChange: (jobId: string | null) => void;
}) {
  const [text, setText] = useState("");
  const [wanted] = useDebouncedValue(text.trim(), 200);
  const chosen = useQuery({ ...jobQuery(jobId ?? ""), enabled: jobId !== null, retry: false });
  const isName = wanted === chosen.data?.name;
  const jobs = useQuery(jobsQuery({ offset: 0, size: 25, filter: isName ? undefined : wanted || undefined, project }));
  const data = (jobs.data?.items ?? []).map((job) => ({ value: job.id, label: job.name }));
  if (jobId !== null && !data.some((each) => each.value === jobId)) {
    data.unshift({ value: jobId, label: chosen.data?.name ?? `Job ${jobId}` });
  }
  return (
    <Select
      label="Job"
      required
      searchable
      placeholder="Search by name"
      nothingFoundMessage="No job has this name"
      // The server has searched already.
      filter={({ options }) => options}
      data={data}
      value={jobId}
      onChange={onChange}
      searchValue={text}
      onSearchChange={setText}
    />
  );
}
