import { SegmentedControl, Table } from "@mantine/core";
import { useMemo, useState } from "react";
import { useNow } from "../ui/clock";
import { Empty, Panel } from "../ui/parts";
import { duration, instantText, plural } from "../ui/words";
import "./executions.css";
import { instant } from "./queries";
import { ownStep, standing, type Kind, type Span } from "./spans";
import { MOST_ROWS, timelineOf, type Row, type Timeline as Drawn } from "./timeline";

const KIND_TEXTS: Readonly<Record<Kind, string>> = {
  work: "Attempt",
  wait: "Waiting",
  answer: "Waiting for an answer",
  pause: "Pause before another try",
};

/** When each step was under way: as bars along the time, or the same as a table. */
export function Timeline({
  spans,
  names,
  selected,
  onSelect,
}: {
  spans: Span[];
  names: ReadonlyMap<string, string>;
  selected: string | null;
  onSelect: (step: string) => void;
}) {
  const [look, setLook] = useState("chart");
  return (
    <Panel
      title="Timeline"
      padded={false}
      actions={
        <SegmentedControl
          size="xs"
          aria-label="How the timeline is shown"
          data={[
            { value: "chart", label: "Chart" },
            { value: "table", label: "Table" },
          ]}
          value={look}
          onChange={setLook}
        />
      }
    >
      {spans.length === 0 ? (
        <Empty title="It has not begun yet">Each step becomes a row here as soon as it begins.</Empty>
      ) : look === "table" ? (
        <SpanTable spans={spans} names={names} />
      ) : (
        <Chart spans={spans} names={names} selected={selected} onSelect={onSelect} />
      )}
    </Panel>
  );
}

function Chart({
  spans,
  names,
  selected,
  onSelect,
}: {
  spans: Span[];
  names: ReadonlyMap<string, string>;
  selected: string | null;
  onSelect: (step: string) => void;
}) {
  const isOpen = spans.some((span) => span.to === null);
  const last = Math.max(...spans.map((span) => span.to ?? span.from));
  const now = useNow();
  const until = isOpen ? Math.max(now, last) : last;
  const drawn = useMemo(() => timelineOf(spans, until), [spans, until]);
  return (
    <div className="timeline">
      <Axis drawn={drawn} />
      <ol>
        {drawn.rows.map((row) => (
          <RowLine
            key={row.step}
            row={row}
            name={names.get(row.step) ?? row.step}
            isSelected={ownStep(row.step) === selected}
            onSelect={() => onSelect(ownStep(row.step))}
          />
        ))}
      </ol>
      {drawn.hidden > 0 && (
        <p className="crumbs" style={{ padding: "0 14px" }}>
          The first {MOST_ROWS} rows are drawn. The table has {drawn.hidden} more.
        </p>
      )}
      <p className="timeline-key" aria-hidden>
        {KEY.map(([look, text]) => (
          <span key={look}>
            <span className={`span ${look}`} /> {text}
          </span>
        ))}
      </p>
    </div>
  );
}

const KEY = [
  ["good", "succeeded"],
  ["bad", "failed"],
  ["busy", "under way"],
  ["idle", "stopped"],
  ["busy waits", "waits"],
  ["pause", "before another try"],
] as const;

function Axis({ drawn }: { drawn: Drawn }) {
  return (
    <div className="timeline-row axis" aria-hidden>
      <span className="name">{duration(drawn.length)} in all</span>
      <span className="track">
        {drawn.ticks.map((tick) => (
          <span key={tick.left} className={tick.left > 0.92 ? "tick last" : "tick"} style={{ left: percent(tick.left) }}>
            {tick.text}
          </span>
        ))}
      </span>
    </div>
  );
}

function RowLine({
  row,
  name,
  isSelected,
  onSelect,
}: {
  row: Row;
  name: string;
  isSelected: boolean;
  onSelect: () => void;
}) {
  const attempts = row.attempts > 1 ? `, ${plural(row.attempts, "attempt")}` : "";
  return (
    <li>
      <button
        type="button"
        className={isSelected ? "timeline-row selected" : "timeline-row"}
        aria-pressed={isSelected}
        aria-label={`${name}, ${row.text}, began after ${duration(row.began)}, took ${duration(row.took)}${attempts}`}
        onClick={onSelect}
      >
        <span className="name">{name}</span>
        <span className="track" aria-hidden>
          {row.bars.map((bar, index) => (
            <span
              key={index}
              className={`span ${bar.tone} ${bar.kind === "wait" || bar.kind === "answer" ? "waits" : bar.kind}`}
              style={{ left: percent(bar.left), width: percent(bar.width) }}
              title={`${KIND_TEXTS[bar.kind]}, ${standing(bar.span).text}, ${lengthOf(bar.span)}`}
            />
          ))}
        </span>
      </button>
    </li>
  );
}

function percent(share: number): string {
  return `${(share * 100).toFixed(3)}%`;
}

function lengthOf(span: Span): string {
  return span.to === null ? "still going on" : duration(Math.max(0, span.to - span.from));
}

function SpanTable({ spans, names }: { spans: Span[]; names: ReadonlyMap<string, string> }) {
  return (
    <div className="scroll timeline-table">
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Step</Table.Th>
            <Table.Th>What</Table.Th>
            <Table.Th>Attempt</Table.Th>
            <Table.Th>Outcome</Table.Th>
            <Table.Th>Began</Table.Th>
            <Table.Th>Took</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {spans.map((span, index) => (
            <Table.Tr key={index}>
              <Table.Td>
                <div className="cell-text" style={{ maxWidth: 260 }}>
                  {names.get(span.step) ?? span.step}
                </div>
              </Table.Td>
              <Table.Td>{KIND_TEXTS[span.kind]}</Table.Td>
              <Table.Td>{span.attempt}</Table.Td>
              <Table.Td>
                <Standing span={span} />
              </Table.Td>
              <Table.Td style={{ whiteSpace: "nowrap" }}>
                <time dateTime={instant(span.from)}>{instantText(instant(span.from))}</time>
              </Table.Td>
              <Table.Td style={{ whiteSpace: "nowrap" }}>{lengthOf(span)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}

export function Standing({ span }: { span: Span }) {
  const { tone, text } = standing(span);
  return <span className={`state ${tone}`}>{text}</span>;
}
