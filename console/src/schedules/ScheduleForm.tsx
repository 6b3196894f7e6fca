import {
  Autocomplete,
  Button,
  NumberInput,
  SegmentedControl,
  Select,
  Stack,
  TagsInput,
  Textarea,
  TextInput,
} from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState, type SyntheticEvent } from "react";
import { projectsQuery } from "../api/queries";
import { Fault, Panel } from "../ui/parts";
import { ActionFields } from "./ActionFields";
import { CalendarUses } from "./CalendarUses";
import { bringsProject, faultsOf, previewOf, type Draft } from "./draft";
import { POLICIES } from "./policies";
import { Preview } from "./Preview";
import { RelativeFields } from "./RelativeFields";

const ZONES = ["UTC", ...Intl.supportedValuesOf("timeZone")];
const TYPES = [
  { value: "cron", label: "Cron" },
  { value: "interval", label: "Interval" },
  { value: "once", label: "Once" },
  { value: "relative", label: "By records" },
];
const HINTS: Readonly<Record<string, { label: string; description: string; sample: string }>> = {
  cron: {
    label: "Expression",
    description: "Five fields, Quartz with six or seven, cron(…), @daily, or RRULE:… with a start",
    sample: "0 9 * * 1-5",
  },
  interval: {
    label: "Every",
    description: "rate(5 minutes), an ISO-8601 duration such as PT5M, or seconds",
    sample: "rate(15 minutes)",
  },
  once: {
    label: "At",
    description: "A date and time, on the clock of the time zone",
    sample: "2040-12-01T09:00",
  },
  relative: {
    label: "Time of day",
    description: "When it looks at the records: HH:MM or a cron expression; empty: 00:00",
    sample: "09:00",
  },
};

/** Makes or changes a schedule; what it will do is shown beside it while one types. */
export function ScheduleForm({
  start,
  isNew,
  crons = [],
  onSave,
  onCancel,
}: {
  start: Draft;
  isNew: boolean;
  /** Several expressions of one schedule, which only its own API changes. */
  crons?: string[];
  onSave: (draft: Draft) => Promise<unknown>;
  onCancel: () => void;
}) {
  const [draft, setDraft] = useState(start);
  const change = (part: Partial<Draft>) => setDraft((old) => ({ ...old, ...part }));
  const projects = useQuery(projectsQuery);
  const save = useMutation({ mutationFn: () => onSave(draft) });
  const faults = faultsOf(draft);
  const hasFault = Object.values(faults).some((fault) => fault !== null);
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    if (!hasFault) save.mutate();
  };
  const hint = HINTS[draft.type] ?? HINTS.cron;
  return (
    <form onSubmit={submit}>
      <div className="cols form-and-preview">
        <div>
          <Panel title="Name and tags">
            <Stack>
              <TextInput label="Name" required maxLength={200} autoFocus={isNew} value={draft.name} onChange={(e) => change({ name: e.currentTarget.value })} />
              <Textarea label="Description" autosize maxLength={5000} value={draft.description} onChange={(e) => change({ description: e.currentTarget.value })} />
              <TagsInput label="Tags" description="Enter after each; many can be paused by a tag" maxTags={50} value={draft.tags} onChange={(tags) => change({ tags })} />
            </Stack>
          </Panel>
          <Panel title="When">
            <Stack>
              {isNew ? (
                <SegmentedControl
                  aria-label="Kind of schedule"
                  fullWidth
                  data={TYPES}
                  value={draft.type}
                  onChange={(type) => change({ type, expression: HINTS[type]?.sample ?? "" })}
                />
              ) : (
                <div className="crumbs">
                  {TYPES.find((each) => each.value === draft.type)?.label ?? draft.type}; it cannot be changed later
                </div>
              )}
              {crons.length > 0 ? (
                <div>
                  Due at the union of <code>{crons.join(", ")}</code>, which the API of remote jobs changes.
                </div>
              ) : (
                <TextInput
                  label={hint?.label}
                  description={hint?.description}
                  placeholder={hint?.sample}
                  maxLength={256}
                  spellCheck={false}
                  className="mono-input"
                  value={draft.expression}
                  onChange={(e) => change({ expression: e.currentTarget.value })}
                />
              )}
              <Autocomplete label="Time zone" description="An IANA or a Windows name" required maxLength={50} limit={50} data={ZONES} value={draft.timezone} onChange={(timezone) => change({ timezone })} />
              {draft.type === "relative" && (
                <RelativeFields draft={draft} fault={faults.filter} onChange={change} />
              )}
              <div className="pair">
                <TextInput label="Not before" description="A date, or a date and time" placeholder="2026-12-01" value={draft.startAt} onChange={(e) => change({ startAt: e.currentTarget.value })} />
                <TextInput label="Not after" description="A date alone is its whole day" placeholder="2027-06-30" value={draft.endAt} onChange={(e) => change({ endAt: e.currentTarget.value })} />
              </div>
              <CalendarUses uses={draft.calendars} onChange={(calendars) => change({ calendars })} />
            </Stack>
          </Panel>
          <Panel title="What">
            <ActionFields
              draft={draft}
              isNew={isNew}
              faults={faults}
              onType={(actionType) => change({ actionType })}
              onChange={(part) => change({ action: { ...draft.action, ...part } })}
            />
            {isNew && !bringsProject(draft.actionType) && (
              <Select
                mt="md"
                label="Project"
                description="Who may see and change it"
                placeholder="My default project"
                clearable
                clearButtonProps={{ "aria-label": "My default project" }}
                data={projects.data?.map((each) => ({ value: each.id, label: each.name })) ?? []}
                value={draft.project}
                onChange={(project) => change({ project })}
              />
            )}
          </Panel>
          <Rules draft={draft} isNew={isNew} onChange={change} />
        </div>
        <div className="beside">
          {crons.length === 0 && <Preview input={previewOf(draft)} />}
          {save.error !== null && (
            <div style={{ marginTop: 16 }}>
              <Fault error={save.error} />
            </div>
          )}
        </div>
      </div>
      <div className="foot">
        <Button variant="default" onClick={onCancel}>
          Cancel
        </Button>
        <Button type="submit" loading={save.isPending} disabled={hasFault}>
          {isNew ? "Create" : "Save"}
        </Button>
      </div>
    </form>
  );
}

function Rules({ draft, isNew, onChange }: { draft: Draft; isNew: boolean; onChange: (part: Partial<Draft>) => void }) {
  return (
    <Panel title="Rules">
      <Stack>
        <Select label="While an earlier start still runs" data={POLICIES.overlap} allowDeselect={false} value={draft.overlap} onChange={(value) => onChange({ overlap: (value ?? "SKIP") as Draft["overlap"] })} />
        <div className="pair">
          <Select label="What was missed" data={POLICIES.catchup} allowDeselect={false} value={draft.catchup} onChange={(value) => onChange({ catchup: (value ?? "all") as Draft["catchup"] })} />
          <NumberInput label="Up to so late" description="Minutes; 0: never" min={0} max={1440} allowDecimal={false} value={draft.catchupMinutes} onChange={(value) => onChange({ catchupMinutes: Number(value) })} />
        </div>
        <div className="pair">
          <NumberInput label="Retries" min={0} max={10} allowDecimal={false} value={draft.retries} onChange={(value) => onChange({ retries: Number(value) })} />
          <NumberInput label="Wait before the first" description="Seconds; doubled for each further one" min={0} max={2147483647} allowDecimal={false} value={draft.backoffSeconds} onChange={(value) => onChange({ backoffSeconds: Number(value) })} />
        </div>
        <div className="pair">
          <NumberInput label="Pause after failures in a row" min={1} max={100} allowDecimal={false} value={draft.pauseAfter} onChange={(value) => onChange({ pauseAfter: Number(value) })} />
          <Select label="When it is never due again" data={POLICIES.afterwards} allowDeselect={false} value={draft.afterwards} onChange={(value) => onChange({ afterwards: (value ?? "NONE") as Draft["afterwards"] })} />
        </div>
        <div className="pair">
          <NumberInput label="Spread the start over" description="Minutes; 0: on time" min={0} max={60} allowDecimal={false} value={draft.flexibleMinutes} onChange={(value) => onChange({ flexibleMinutes: Number(value) })} />
          <NumberInput label="Starts a minute" description="At most; empty: no limit" min={1} max={10000} allowDecimal={false} value={draft.rateLimit ?? ""} onChange={(value) => onChange({ rateLimit: value === "" ? null : Number(value) })} />
        </div>
        <div className="pair">
          <TextInput label="Customer id" description="A UUID of your own" value={draft.customerId} onChange={(e) => onChange({ customerId: e.currentTarget.value })} />
          <TextInput label="External id" description="Its name in another system" maxLength={255} value={draft.externalId} onChange={(e) => onChange({ externalId: e.currentTarget.value })} />
        </div>
        {isNew && (
          <TextInput label="Deduplication key" description="The same key makes no second schedule" maxLength={255} value={draft.deduplicationKey} onChange={(e) => onChange({ deduplicationKey: e.currentTarget.value })} />
        )}
      </Stack>
    </Panel>
  );
}
