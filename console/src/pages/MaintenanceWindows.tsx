import { Button, NumberInput, SegmentedControl, Select, Table, TagsInput, TextInput, VisuallyHidden } from "@mantine/core";
import { queryOptions, useQuery } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { useState } from "react";
import { api, good, type Schemas } from "../api/client";
import { may } from "../api/rights";
import { projectsQuery, useMe } from "../api/queries";
import { refresh } from "../api/refresh";
import { Confirm } from "../ui/Confirm";
import { FormDialog } from "../ui/FormDialog";
import { Answer, Empty, Page } from "../ui/parts";
import { toast } from "../ui/toasts";
import { zonedText } from "../ui/words";

type Window = Schemas["WindowBody"];

const POLICIES = [
  { value: "skip", label: "Is skipped" },
  { value: "delay", label: "Starts at the window's end" },
];

const windowsQuery = queryOptions({
  queryKey: ["maintenance-windows"],
  queryFn: async () =>
    (await good(api.GET("/v1/maintenance-windows", { params: { query: { limit: 200 } } }))).items,
});

const changed = () => refresh(["maintenance-windows"]);

export function MaintenanceWindows() {
  const me = useMe();
  const windows = useQuery(windowsQuery);
  const projects = useQuery({ ...projectsQuery, enabled: may(me, "project_read") });
  const [edited, setEdited] = useState<Window | "new" | null>(null);
  const [doomed, setDoomed] = useState<Window | null>(null);
  const mayMake = may(me, "schedules_write");
  // One of the whole tenant is an administrator's.
  const mayChange = (window: Window) =>
    window.project_id === null
      ? may(me, "calendars_write")
      : may(me, "schedules_write", window.project_id);
  const create = (
    <Button leftSection={<Plus size={16} />} onClick={() => setEdited("new")}>
      New window
    </Button>
  );
  return (
    <Page
      title="Maintenance windows"
      about={<span className="crumbs">Stretches of time in which schedules hold still.</span>}
      actions={mayMake ? create : undefined}
    >
      <section className="panel" aria-label="Maintenance windows">
        <Answer query={windows}>
          {(found) =>
            found.length === 0 ? (
              <Empty title="No maintenance windows" action={mayMake ? create : undefined}>
                What is due in a window is skipped, or starts at its end; the window stands with each due time
                as the reason. A window is once, or comes again and again.
              </Empty>
            ) : (
              <div className="scroll">
                <Table highlightOnHover>
                  <Table.Thead>
                    <Table.Tr>
                      <Table.Th>Window</Table.Th>
                      <Table.Th>When</Table.Th>
                      <Table.Th>What is due</Table.Th>
                      <Table.Th>For</Table.Th>
                      <Table.Th>
                        <VisuallyHidden>Actions</VisuallyHidden>
                      </Table.Th>
                    </Table.Tr>
                  </Table.Thead>
                  <Table.Tbody>
                    {found.map((window) => (
                      <Table.Tr key={window.id}>
                        <Table.Td>
                          <div className="cell-text" style={{ maxWidth: 260 }}>
                            {window.name}
                          </div>
                          <div className="crumbs cell-text" style={{ margin: 0, maxWidth: 260 }} title={window.reason}>
                            {window.reason}
                          </div>
                        </Table.Td>
                        <Table.Td style={{ whiteSpace: "nowrap" }}>
                          <When window={window} />
                        </Table.Td>
                        <Table.Td>{POLICIES.find((each) => each.value === window.policy)?.label}</Table.Td>
                        <Table.Td>
                          <div className="cell-text" style={{ maxWidth: 220 }}>
                            {window.project_id === null
                              ? "The whole tenant"
                              : (projects.data?.find((each) => each.id === window.project_id)?.name ?? "A project")}
                          </div>
                          {window.tags.length > 0 && (
                            <div className="crumbs cell-text" style={{ margin: 0, maxWidth: 220 }}>
                              with {window.tags.join(" or ")}
                            </div>
                          )}
                        </Table.Td>
                        <Table.Td>
                          {mayChange(window) && (
                            <div className="row-actions">
                              <Button size="compact-sm" variant="default" aria-label={`Edit ${window.name}`} onClick={() => setEdited(window)}>
                                Edit
                              </Button>
                              <Button size="compact-sm" variant="default" aria-label={`Delete ${window.name}`} onClick={() => setDoomed(window)}>
                                Delete
                              </Button>
                            </div>
                          )}
                        </Table.Td>
                      </Table.Tr>
                    ))}
                  </Table.Tbody>
                </Table>
              </div>
            )
          }
        </Answer>
      </section>
      {edited !== null && (
        <WindowDialog window={edited === "new" ? undefined : edited} onClose={() => setEdited(null)} />
      )}
      <Confirm
        opened={doomed !== null}
        title="Delete the window?"
        action="Delete"
        onClose={() => setDoomed(null)}
        onConfirm={async () => {
          await good(api.DELETE("/v1/maintenance-windows/{id}", { params: { path: { id: doomed?.id ?? "" } } }));
          toast(`Deleted ${doomed?.name ?? ""}`);
          await changed();
        }}
      >
        What <strong>{doomed?.name}</strong> delays starts; what it skipped stays skipped.
      </Confirm>
    </Page>
  );
}

function When({ window }: { window: Window }) {
  if (window.schedule_expression !== null) {
    return (
      <>
        <code>{window.schedule_expression}</code>, for {window.duration_minutes} min
        <div className="crumbs" style={{ margin: 0 }}>
          {window.timezone}
        </div>
      </>
    );
  }
  return (
    <>
      {window.start_at !== null && zonedText(window.start_at, window.timezone)}
      <div>{window.end_at !== null && `to ${zonedText(window.end_at, window.timezone)}`}</div>
    </>
  );
}

function WindowDialog({ window, onClose }: { window?: Window; onClose: () => void }) {
  const me = useMe();
  const projects = useQuery(projectsQuery);
  const [kind, setKind] = useState(window?.schedule_expression == null ? "once" : "again");
  const [draft, setDraft] = useState({
    name: window?.name ?? "",
    reason: window?.reason ?? "",
    policy: window?.policy ?? "skip",
    tags: window?.tags ?? [],
    timezone: window?.timezone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
    start: window?.start_at ?? "",
    end: window?.end_at ?? "",
    expression: window?.schedule_expression ?? "0 22 * * 6",
    minutes: window?.duration_minutes ?? 120,
    project: window?.project_id ?? null,
  });
  const change = (part: Partial<typeof draft>) => setDraft((old) => ({ ...old, ...part }));
  const mayTenant = may(me, "calendars_write");
  const save = async () => {
    const body = {
      name: draft.name,
      reason: draft.reason,
      policy: draft.policy as "skip" | "delay",
      tags: draft.tags,
      timezone: draft.timezone,
      start_at: draft.start || null,
      end_at: draft.end || null,
      schedule_expression: kind === "again" ? draft.expression : null,
      duration_minutes: kind === "again" ? draft.minutes : null,
      project_id: draft.project,
    };
    await (window === undefined
      ? good(api.POST("/v1/maintenance-windows", { body }))
      : good(api.PUT("/v1/maintenance-windows/{id}", { params: { path: { id: window.id } }, body })));
    toast(`Saved ${draft.name}`);
    await changed();
  };
  return (
    <FormDialog title={window === undefined ? "New window" : `Edit ${window.name}`} size="lg" onSave={save} onClose={onClose}>
      <TextInput label="Name" required maxLength={100} data-autofocus value={draft.name} onChange={(e) => change({ name: e.currentTarget.value })} />
      <TextInput label="Reason" description="Stands with every due time that it holds up" value={draft.reason} onChange={(e) => change({ reason: e.currentTarget.value })} />
      <SegmentedControl
        aria-label="How often"
        data={[
          { value: "once", label: "Once" },
          { value: "again", label: "Again and again" },
        ]}
        value={kind}
        onChange={setKind}
      />
      {kind === "again" && (
        <div className="pair">
          <TextInput label="Begins" description="A cron expression, or RRULE:…" required spellCheck={false} className="mono-input" value={draft.expression} onChange={(e) => change({ expression: e.currentTarget.value })} />
          <NumberInput label="Lasts" description="Minutes" required min={1} max={10080} allowDecimal={false} value={draft.minutes} onChange={(value) => change({ minutes: Number(value) })} />
        </div>
      )}
      <div className="pair">
        <TextInput label={kind === "once" ? "Start" : "Not before"} description="On the clock of the time zone" placeholder="2026-12-24T18:00" required={kind === "once"} value={draft.start} onChange={(e) => change({ start: e.currentTarget.value })} />
        <TextInput label={kind === "once" ? "End" : "Not after"} description="On the clock of the time zone" placeholder="2026-12-27T06:00" required={kind === "once"} value={draft.end} onChange={(e) => change({ end: e.currentTarget.value })} />
      </div>
      <TextInput label="Time zone" required maxLength={50} value={draft.timezone} onChange={(e) => change({ timezone: e.currentTarget.value })} />
      <Select label="What is due in it" data={POLICIES} allowDeselect={false} value={draft.policy} onChange={(value) => change({ policy: value ?? "skip" })} />
      <TagsInput label="Only schedules with one of these tags" description="None: all of them" maxTags={20} value={draft.tags} onChange={(value) => change({ tags: value })} />
      {window === undefined && (
        <Select
          label="For the schedules of"
          placeholder={mayTenant ? "The whole tenant" : "Choose a project"}
          required={!mayTenant}
          clearable={mayTenant}
          clearButtonProps={{ "aria-label": "The whole tenant" }}
          data={(projects.data ?? [])
            .filter((each) => may(me, "schedules_write", each.id))
            .map((each) => ({ value: each.id, label: each.name }))}
          value={draft.project}
          onChange={(value) => change({ project: value })}
        />
      )}
    </FormDialog>
  );
}
