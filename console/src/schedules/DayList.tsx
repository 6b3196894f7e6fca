import { Table, UnstyledButton } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { ChevronDown, ChevronRight } from "lucide-react";
import { Fragment, useState } from "react";
import { Empty, State, toneOf } from "../ui/parts";
import { clockText, plural, stateText } from "../ui/words";
import { keyOf, linesOf, minutesBetween, statusCounts, timesOf, type Line } from "./hourly";
import type { Occurrence } from "./queries";

/** The due times of a day; what is due often within an hour is one row, which opens. */
export function DayList({ occurrences }: { occurrences: Occurrence[] }) {
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  if (occurrences.length === 0) {
    return <Empty title="Nothing is due">No schedule was or will be due on this day.</Empty>;
  }
  const toggle = (key: string) =>
    setOpen((old) => new Set(old.has(key) ? [...old].filter((each) => each !== key) : [...old, key]));
  return (
    <div className="scroll">
      <Table highlightOnHover>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Due</Table.Th>
            <Table.Th>Schedule</Table.Th>
            <Table.Th>State</Table.Th>
            <Table.Th>Reason</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {linesOf(occurrences).map((line) =>
            line.occurrences.length === 1 ? (
              <OneRow key={line.key} occurrence={line.occurrences[0]} />
            ) : (
              <Fragment key={line.key}>
                <HourRow line={line} isOpen={open.has(line.key)} onToggle={() => toggle(line.key)} />
                {open.has(line.key) && line.occurrences.map((each) => <OneRow key={keyOf(each)} occurrence={each} isInner />)}
              </Fragment>
            ),
          )}
        </Table.Tbody>
      </Table>
    </div>
  );
}

function HourRow({ line, isOpen, onToggle }: { line: Line; isOpen: boolean; onToggle: () => void }) {
  const [first] = line.occurrences;
  const last = line.occurrences.at(-1) ?? first;
  const gap = minutesBetween(line.occurrences);
  const span = `${clockText(first.at)} – ${clockText(last.at)}`;
  const Icon = isOpen ? ChevronDown : ChevronRight;
  return (
    <Table.Tr>
      <Table.Td style={{ whiteSpace: "nowrap" }}>
        <UnstyledButton className="opener" aria-expanded={isOpen} aria-label={`${span}, ${first.name}`} onClick={onToggle}>
          <Icon size={15} aria-hidden />
          {span}
        </UnstyledButton>
      </Table.Td>
      <Table.Td>
        <ScheduleLink occurrence={first} />
      </Table.Td>
      <Table.Td>
        <div className="states">
          {statusCounts(line.occurrences).map(([status, count]) => (
            <span key={status} className={`state ${toneOf(status)}`}>
              {count} {stateText(status).toLowerCase()}
            </span>
          ))}
        </div>
      </Table.Td>
      <Table.Td style={{ whiteSpace: "nowrap" }}>
        {plural(timesOf(line.occurrences), "time")}
        {gap !== null && (gap === 1 ? ", each minute" : `, every ${gap} minutes`)}
      </Table.Td>
    </Table.Tr>
  );
}

function OneRow({ occurrence, isInner = false }: { occurrence: Occurrence; isInner?: boolean }) {
  return (
    <Table.Tr className={isInner ? "inner-row" : undefined}>
      <Table.Td style={{ whiteSpace: "nowrap" }}>
        <time dateTime={occurrence.at}>{clockText(occurrence.at)}</time>
        {occurrence.count > 1 && ` and ${occurrence.count - 1} more`}
      </Table.Td>
      <Table.Td>
        <ScheduleLink occurrence={occurrence} />
      </Table.Td>
      <Table.Td>
        <State state={occurrence.status} />
      </Table.Td>
      <Table.Td>
        <div className="cell-text" title={occurrence.reason}>
          {occurrence.reason}
        </div>
      </Table.Td>
    </Table.Tr>
  );
}

function ScheduleLink({ occurrence }: { occurrence: Occurrence }) {
  return (
    <div className="cell-text">
      <Link to="/schedules/$scheduleId" params={{ scheduleId: occurrence.schedule_id }} search={{ at: occurrence.at }}>
        {occurrence.name}
      </Link>
    </div>
  );
}
