import { SegmentedControl, Table } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { useNow } from "../ui/clock";
import { Answer, Panel } from "../ui/parts";
import { count, duration, plural } from "../ui/words";
import { joined, latenessOf, stretches, sumsOf, throughputOf, type Bucket, type Step } from "./buckets";
import { bucketsQuery } from "./queries";

const HEIGHT = 96;
const WIDTH = 10;
const WITHIN: Record<Step, string> = { hour: "24\u00a0h", minute: "60\u00a0min" };

/** How much ended in each hour of a day, or in each minute of an hour, and how late firings were. */
export function Charts({ project }: { project: string | undefined }) {
  const [step, setStep] = useState<Step>("hour");
  const { from, middle, to } = stretches(step, useNow());
  const over = useQuery(bucketsQuery({ from, to: middle, step, project, isLive: false }));
  const live = useQuery(bucketsQuery({ from: middle, to, step, project, isLive: true }));
  const choice = (
    <SegmentedControl
      size="xs"
      aria-label="How far back"
      value={step}
      onChange={(value) => setStep(value === "minute" ? "minute" : "hour")}
      data={[
        { value: "hour", label: "24 h" },
        { value: "minute", label: "60 min" },
      ]}
    />
  );
  const drawn = (draw: (buckets: Bucket[]) => ReactNode) => (
    <Answer query={over}>
      {(before) => <Answer query={live}>{(now) => draw(joined(before, now))}</Answer>}
    </Answer>
  );
  return (
    <div className="cols" style={{ marginBottom: 16 }}>
      <Panel title="Throughput" actions={choice}>
        {drawn((buckets) => (
          <Throughput buckets={buckets} step={step} />
        ))}
      </Panel>
      <Panel title="Lateness of schedules">
        {drawn((buckets) => (
          <Lateness buckets={buckets} step={step} />
        ))}
      </Panel>
    </div>
  );
}

function Throughput({ buckets, step }: { buckets: Bucket[]; step: Step }) {
  const bars = buckets.map(throughputOf);
  const sums = sumsOf(bars);
  const said =
    `Runs and executions: ${count(sums.good)} ended well, ${count(sums.bad)} went wrong, ${count(sums.idle)} cancelled` +
    ` in ${WITHIN[step]}.`;
  return (
    <Chart
      said={said}
      most={sums.most === 0 ? "" : `at most ${count(sums.most)} ${step === "hour" ? "an hour" : "a minute"}`}
      bars={bars.map(({ at, good, bad, idle, all }) => ({
        at,
        title: `${plural(good, "success", "successes")}, ${count(bad)} wrong, ${count(idle)} cancelled`,
        parts: [
          { tone: "good", size: good / Math.max(1, sums.most) },
          { tone: "idle", size: idle / Math.max(1, sums.most) },
          { tone: "bad", size: bad / Math.max(1, sums.most) },
        ],
        cells: all === 0 ? null : [count(good), count(bad), count(idle)],
      }))}
      columns={["Ended well", "Went wrong", "Cancelled"]}
      legend={[
        ["good", "ended well"],
        ["bad", "went wrong"],
        ["idle", "cancelled"],
      ]}
      step={step}
    />
  );
}

function Lateness({ buckets, step }: { buckets: Bucket[]; step: Step }) {
  const { started, p95, max } = latenessOf(buckets);
  const said =
    started === 0
      ? `No schedule has started anything in ${WITHIN[step]}.`
      : `${plural(started, "start")} in ${WITHIN[step]}, the latest ${duration(max)} after its due time.`;
  const scale = Math.max(1, p95);
  return (
    <Chart
      said={said}
      most={started === 0 ? "" : `95 % within ${duration(p95)}`}
      bars={buckets.map(({ at, firings }) => {
        const [half, most] = [firings.p50_ms ?? 0, firings.p95_ms ?? 0];
        return {
          at,
          title:
            firings.started === 0
              ? "no starts"
              : `${plural(firings.started, "start")}: half within ${duration(half)}, 95 % within ${duration(most)}, the latest ${duration(firings.max_ms ?? 0)}`,
          parts: [
            { tone: "busy", size: half / scale, isThere: firings.started > 0 },
            { tone: "busy light", size: (most - half) / scale },
          ],
          cells:
            firings.started === 0
              ? null
              : [count(firings.started), duration(half), duration(most), duration(firings.max_ms ?? 0)],
        };
      })}
      columns={["Starts", "Half within", "95 % within", "Latest"]}
      legend={[
        ["busy", "half"],
        ["busy light", "95 %"],
      ]}
      step={step}
    />
  );
}

interface Bar {
  at: string;
  title: string;
  /** From the bottom up, as shares of the height; what is there is seen, however small. */
  parts: { tone: string; size: number; isThere?: boolean }[];
  /** Its row of the table; null where nothing happened. */
  cells: string[] | null;
}

function Chart({
  said,
  most,
  bars,
  columns,
  legend,
  step,
}: {
  said: string;
  most: string;
  bars: Bar[];
  columns: string[];
  legend: [tone: string, text: string][];
  step: Step;
}) {
  const rows = bars.filter((bar) => bar.cells !== null).reverse();
  return (
    <figure style={{ margin: 0 }}>
      <svg
        className="chart"
        viewBox={`0 0 ${bars.length * WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={said}
      >
        {bars.map((bar, index) => (
          <g key={bar.at}>
            <title>{`${timeText(bar.at)}: ${bar.title}`}</title>
            <rect className="clear" x={index * WIDTH} y={0} width={WIDTH} height={HEIGHT} />
            {placed(bar).map(({ tone, y, height }) => (
              <rect key={tone} className={tone} x={index * WIDTH + 1} y={y} width={WIDTH - 2} height={height} />
            ))}
          </g>
        ))}
        <line className="floor" x1={0} x2={bars.length * WIDTH} y1={HEIGHT - 0.5} y2={HEIGHT - 0.5} />
      </svg>
      <div className="chart-scale">
        <span>{bars[0] === undefined ? "" : timeText(bars[0].at)}</span>
        <span>{most}</span>
        <span>now</span>
      </div>
      <figcaption>
        {said}
        <ul className="legend">
          {legend.map(([tone, text]) => (
            <li key={tone}>
              <svg className="chart key" viewBox="0 0 10 10" aria-hidden>
                <rect className={tone} width={10} height={10} rx={2} />
              </svg>
              {text}
            </li>
          ))}
        </ul>
      </figcaption>
      {rows.length > 0 && (
        <details className="as-table">
          <summary>As a table</summary>
          <div className="scroll">
            <Table>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>{step === "hour" ? "Hour" : "Minute"}</Table.Th>
                  {columns.map((column) => (
                    <Table.Th key={column}>{column}</Table.Th>
                  ))}
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {rows.map((bar) => (
                  <Table.Tr key={bar.at}>
                    <Table.Td style={{ whiteSpace: "nowrap" }}>{timeText(bar.at)}</Table.Td>
                    {bar.cells?.map((cell, index) => <Table.Td key={columns[index]}>{cell}</Table.Td>)}
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </div>
        </details>
      )}
    </figure>
  );
}

function placed(bar: Bar): { tone: string; y: number; height: number }[] {
  let y = HEIGHT;
  return bar.parts
    .filter(({ size, isThere }) => size > 0 || isThere === true)
    .map(({ tone, size }) => {
      const height = Math.max(2, size * (HEIGHT - 8));
      y -= height;
      return { tone, y, height };
    });
}

const TIME = new Intl.DateTimeFormat(undefined, { weekday: "short", hour: "2-digit", minute: "2-digit" });

function timeText(at: string): string {
  return TIME.format(new Date(at));
}
