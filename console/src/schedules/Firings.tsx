import { Button, Select, Table, TextInput, VisuallyHidden } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useState, type SyntheticEvent } from "react";
import type { Schemas } from "../api/client";
import { Pager } from "../ui/Pager";
import { Answer, Empty, Panel, State, Time } from "../ui/parts";
import { duration, instantText, plural, stateText } from "../ui/words";
import { firingsQuery, type Firing, type Schedule } from "./queries";

const STATUSES: Schemas["FiringStatus"][] = [
  "pending", "running", "succeeded", "failed", "skipped", "missed", "coalesced", "cancelled",
]; // prettier-ignore

/** What became of each due time, and why. */
export function Firings({ schedule, onExplain }: { schedule: Schedule; onExplain: (at: string) => void }) {
  const search = useSearch({ from: "/app/schedules/$scheduleId" });
  const navigate = useNavigate({ from: "/schedules/$scheduleId" });
  const [size, setSize] = useState(25);
  const status = STATUSES.find((each) => each === search.state);
  const offset = ((search.page ?? 1) - 1) * size;
  const firings = useQuery(firingsQuery(schedule.id, { limit: Math.min(size, 100), offset, status }));
  return (
    <Panel
      title="Due times"
      padded={false}
      actions={
        <>
          <Select
            size="xs"
            w={150}
            aria-label="What became of them"
            placeholder="All"
            clearable
            clearButtonProps={{ "aria-label": "All" }}
            data={STATUSES.map((each) => ({ value: each, label: stateText(each) }))}
            value={status ?? null}
            onChange={(value) =>
              void navigate({ search: (old) => ({ ...old, state: value ?? undefined, page: undefined }) })
            }
          />
          <ExplainTime onExplain={onExplain} />
        </>
      }
    >
      <Answer query={firings}>
        {(page) =>
          page.items.length === 0 && page.offset === 0 ? (
            <Empty title={status === undefined ? "It was not due yet" : "None of them"}>
              Each due time is listed here: it ran, or it did not, and the reason.
            </Empty>
          ) : (
            <>
              <FiringTable firings={page.items} onExplain={onExplain} />
              <Pager
                page={{
                  totalRecords: page.total,
                  size,
                  pageNumber: Math.floor(page.offset / size),
                  items: page.items,
                  links: { next: page.offset + page.items.length < page.total ? "more" : null },
                }}
                sizes={["25", "50", "100"]}
                onPage={(to) => void navigate({ search: (old) => ({ ...old, page: to + 1 }) })}
                onSize={setSize}
              />
            </>
          )
        }
      </Answer>
    </Panel>
  );
}

function ExplainTime({ onExplain }: { onExplain: (at: string) => void }) {
  const [at, setAt] = useState("");
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    if (at !== "") onExplain(new Date(at).toISOString());
  };
  return (
    <form onSubmit={submit} className="row-actions">
      <TextInput
        size="xs"
        type="datetime-local"
        step={1}
        aria-label="Explain a time, by your clock"
        value={at}
        onChange={(event) => setAt(event.currentTarget.value)}
      />
      <Button size="xs" variant="default" type="submit" disabled={at === ""}>
        Explain
      </Button>
    </form>
  );
}

function FiringTable({ firings, onExplain }: { firings: Firing[]; onExplain: (at: string) => void }) {
  return (
    <div className="scroll">
      <Table highlightOnHover>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>State</Table.Th>
            <Table.Th>Due</Table.Th>
            <Table.Th>By</Table.Th>
            <Table.Th>Late</Table.Th>
            <Table.Th>Took</Table.Th>
            <Table.Th>Started</Table.Th>
            <Table.Th>Reason</Table.Th>
            <Table.Th>
              <VisuallyHidden>Actions</VisuallyHidden>
            </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {firings.map((firing) => (
            <Table.Tr key={firing.id}>
              <Table.Td>
                <State state={firing.status} />
              </Table.Td>
              <Table.Td style={{ whiteSpace: "nowrap" }}>
                <time dateTime={firing.scheduled_for}>{instantText(firing.scheduled_for)}</time>
                {firing.until !== null && (
                  <div className="crumbs" style={{ margin: 0 }}>
                    {plural(firing.count, "due time")} until {instantText(firing.until)}
                  </div>
                )}
              </Table.Td>
              <Table.Td>{firing.trigger}</Table.Td>
              <Table.Td style={{ whiteSpace: "nowrap" }}>
                {firing.lateness_ms === null ? "–" : duration(firing.lateness_ms)}
              </Table.Td>
              <Table.Td style={{ whiteSpace: "nowrap" }}>{lengthOf(firing)}</Table.Td>
              <Table.Td>
                <Target firing={firing} />
              </Table.Td>
              <Table.Td>
                <div className="cell-text" style={{ maxWidth: 300 }} title={told(firing)}>
                  {told(firing)}
                </div>
              </Table.Td>
              <Table.Td>
                <div className="row-actions">
                  <Button
                    size="compact-sm"
                    variant="default"
                    aria-label={`Why, ${instantText(firing.scheduled_for)}`}
                    onClick={() => onExplain(firing.scheduled_for)}
                  >
                    Why
                  </Button>
                </div>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}

export function told(firing: Firing): string {
  const again = firing.attempt > 1 ? `attempt ${firing.attempt}` : "";
  return [firing.reason, firing.error ?? "", again].filter((part) => part !== "").join("; ");
}

function lengthOf(firing: Firing): string {
  if (firing.started_at === null || firing.finished_at === null) return "–";
  return duration(Math.max(0, Date.parse(firing.finished_at) - Date.parse(firing.started_at)));
}

export function Target({ firing }: { firing: Firing }) {
  if (firing.target?.type === "run") {
    return (
      <Link className="mono" to="/runs/$runId" params={{ runId: firing.target.id }}>
        {firing.target.id.slice(-8)}
      </Link>
    );
  }
  if (firing.target?.type === "execution") {
    return (
      <Link className="mono" to="/executions/$executionId" params={{ executionId: firing.target.id }}>
        {firing.target.id.slice(-8)}
      </Link>
    );
  }
  return firing.started_at === null ? <>–</> : <Time at={firing.started_at} />;
}
