import { Button, Select, Table, TagsInput, TextInput, VisuallyHidden } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { CalendarDays, Plus, Search } from "lucide-react";
import { useState } from "react";
import { api, good } from "../api/client";
import { may } from "../api/rights";
import { useMe } from "../api/queries";
import { BulkPause } from "../schedules/PauseDialogs";
import { schedulesChanged, schedulesQuery, type Schedule, type ScheduleStatus } from "../schedules/queries";
import { LinkButton } from "../ui/LinkButton";
import { Pager } from "../ui/Pager";
import { Answer, Empty, Page, State, Time } from "../ui/parts";
import { toastError } from "../ui/toasts";
import { plural } from "../ui/words";

const STATUSES = [
  { value: "active", label: "Active" },
  { value: "paused", label: "Paused" },
  { value: "completed", label: "Completed" },
];

export function Schedules() {
  const me = useMe();
  const search = useSearch({ from: "/app/schedules" });
  const navigate = useNavigate({ from: "/schedules" });
  const [text, setText] = useState(search.filter ?? "");
  const [bulk, setBulk] = useState<"pause" | "resume" | null>(null);
  const go = (part: Partial<typeof search>, replace = false) =>
    void navigate({ search: (old) => ({ ...old, page: undefined, ...part }), replace });
  const look = useDebouncedCallback((filter: string) => go({ filter: filter || undefined }, true), 250);
  const tags = search.tags ?? [];
  const size = search.size ?? 25;
  const offset = ((search.page ?? 1) - 1) * size;
  const schedules = useQuery(
    schedulesQuery({
      limit: size,
      offset,
      search: search.filter,
      project_id: search.project,
      tag: tags.length > 0 ? tags : undefined,
      status: STATUSES.some((each) => each.value === search.state)
        ? (search.state as ScheduleStatus)
        : undefined,
    }),
  );
  const mayWrite = may(me, "schedules_write");
  const create = (
    <LinkButton to="/schedules/new" leftSection={<Plus size={16} />}>
      New schedule
    </LinkButton>
  );
  const isFiltered = tags.length > 0 || search.filter !== undefined || search.state !== undefined;
  return (
    <Page
      title="Schedules"
      actions={
        <>
          <LinkButton to="/calendar" variant="default" leftSection={<CalendarDays size={16} />}>
            Calendar
          </LinkButton>
          {mayWrite && create}
        </>
      }
    >
      <section className="panel" aria-label="Schedules">
        <header>
          <TextInput
            aria-label="Search schedules by name"
            placeholder="Search by name"
            leftSection={<Search size={15} aria-hidden />}
            value={text}
            onChange={(event) => {
              setText(event.currentTarget.value);
              look(event.currentTarget.value);
            }}
            style={{ flex: "0 1 240px" }}
          />
          <Select
            aria-label="Status"
            placeholder="Any status"
            clearable
            clearButtonProps={{ "aria-label": "Any status" }}
            data={STATUSES}
            value={search.state ?? null}
            onChange={(value) => go({ state: value ?? undefined })}
            style={{ flex: "0 1 150px" }}
          />
          <TagsInput
            aria-label="Tags"
            placeholder={tags.length === 0 ? "Tags, Enter after each" : undefined}
            value={tags}
            onChange={(value) => go({ tags: value.length > 0 ? value : undefined })}
            style={{ flex: "0 1 260px" }}
          />
          <span className="spring" />
          {mayWrite && tags.length > 0 && (
            <div className="row-actions" style={{ flexWrap: "wrap" }}>
              <Button size="xs" variant="default" onClick={() => setBulk("pause")}>
                Pause all with these tags
              </Button>
              <Button size="xs" variant="default" onClick={() => setBulk("resume")}>
                Resume all with these tags
              </Button>
            </div>
          )}
        </header>
        <Answer query={schedules}>
          {(page) =>
            page.items.length === 0 && page.offset === 0 ? (
              isFiltered ? (
                <Empty title="No schedule is like this">Take a filter away to see more.</Empty>
              ) : (
                <Empty title="No schedules yet" action={mayWrite ? create : undefined}>
                  A schedule says when something is due, and what starts then: a job, or a webhook. Each
                  due time leaves a row: it ran, or it did not, and why.
                </Empty>
              )
            ) : (
              <>
                <ScheduleTable schedules={page.items} />
                <Pager
                  page={{
                    totalRecords: page.total,
                    size,
                    pageNumber: Math.floor(page.offset / size),
                    items: page.items,
                    links: { next: page.offset + page.items.length < page.total ? "more" : null },
                  }}
                  onPage={(to) => void navigate({ search: (old) => ({ ...old, page: to + 1 }) })}
                  onSize={(to) => go({ size: to })}
                />
              </>
            )
          }
        </Answer>
      </section>
      {bulk !== null && <BulkPause tags={tags} isPause={bulk === "pause"} onClose={() => setBulk(null)} />}
    </Page>
  );
}

function ScheduleTable({ schedules }: { schedules: Schedule[] }) {
  return (
    <div className="scroll">
      <Table highlightOnHover>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Schedule</Table.Th>
            <Table.Th>When</Table.Th>
            <Table.Th>Next</Table.Th>
            <Table.Th>Last</Table.Th>
            <Table.Th>Status</Table.Th>
            <Table.Th>
              <VisuallyHidden>Actions</VisuallyHidden>
            </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {schedules.map((schedule) => (
            <Table.Tr key={schedule.id}>
              <Table.Td>
                <div className="cell-text" style={{ maxWidth: 280 }}>
                  <Link to="/schedules/$scheduleId" params={{ scheduleId: schedule.id }} title={schedule.name}>
                    {schedule.name}
                  </Link>
                </div>
                {schedule.tags.length > 0 && (
                  <div className="crumbs cell-text" style={{ margin: 0, maxWidth: 280 }}>
                    {schedule.tags.join(", ")}
                  </div>
                )}
              </Table.Td>
              <Table.Td>
                <div className="cell-text mono" style={{ maxWidth: 200 }} title={expressionOf(schedule)}>
                  {expressionOf(schedule)}
                </div>
                <div className="crumbs" style={{ margin: 0, whiteSpace: "nowrap" }}>
                  {schedule.timezone}
                </div>
              </Table.Td>
              <Table.Td style={{ whiteSpace: "nowrap" }}>
                {schedule.next_run_at === null ? "–" : <Time at={schedule.next_run_at} />}
              </Table.Td>
              <Table.Td style={{ whiteSpace: "nowrap" }}>
                <Health schedule={schedule} />
              </Table.Td>
              <Table.Td>
                <State state={schedule.status} />
                {schedule.paused_reason !== null && (
                  <div className="crumbs cell-text" style={{ margin: 0, maxWidth: 180 }} title={schedule.paused_reason}>
                    {schedule.paused_reason}
                  </div>
                )}
              </Table.Td>
              <Table.Td>
                <Switch schedule={schedule} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}

export function expressionOf(schedule: Schedule): string {
  if (schedule.crons.length > 0) return schedule.crons.join(", ");
  return schedule.schedule_expression ?? schedule.start_at ?? "00:00";
}

/** What became of the last due time, and whether failures add up. */
export function Health({ schedule }: { schedule: Schedule }) {
  if (schedule.last_run_status === null || schedule.last_run_at === null) return <>Never ran</>;
  return (
    <>
      <State state={schedule.last_run_status} /> <Time at={schedule.last_run_at} />
      {schedule.failures_in_a_row > 0 && (
        <div className="crumbs" style={{ margin: 0, color: "var(--bad)" }}>
          {plural(schedule.failures_in_a_row, "failure")} in a row; pauses at {schedule.pause_on_failure_count}
        </div>
      )}
    </>
  );
}

function Switch({ schedule }: { schedule: Schedule }) {
  const me = useMe();
  const change = useMutation({
    mutationFn: () => {
      const params = { path: { schedule_id: schedule.id } };
      return schedule.status === "paused"
        ? good(api.POST("/v1/schedules/{schedule_id}/resume", { params }))
        : good(api.POST("/v1/schedules/{schedule_id}/pause", { params }));
    },
    onSuccess: schedulesChanged,
    onError: toastError,
  });
  if (schedule.status === "completed" || !may(me, "schedules_write", schedule.project_id)) return null;
  const verb = schedule.status === "paused" ? "Resume" : "Pause";
  return (
    <div className="row-actions">
      <Button
        size="compact-sm"
        variant="default"
        aria-label={`${verb} ${schedule.name}`}
        loading={change.isPending}
        onClick={() => change.mutate()}
      >
        {verb}
      </Button>
    </div>
  );
}
