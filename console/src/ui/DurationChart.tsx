import type { Run } from "../api/queries";
import { useNow } from "./clock";
import { toneOf } from "./parts";
import { duration, instantText, plural, stateText } from "./words";

const SLOTS = 60;
const HEIGHT = 96;

/** The newest runs, one bar each, the newest at the right: how long, and what became of them. */
export function DurationChart({ runs, label }: { runs: Run[]; label: string }) {
  const now = useNow();
  const shown = runs.slice(0, SLOTS).reverse();
  const lengths = shown.map((run) => lengthOf(run, now));
  const longest = Math.max(1, ...lengths);
  const bad = shown.filter((run) => toneOf(run.status) === "bad").length;
  return (
    <figure style={{ margin: 0 }}>
      <svg
        className="chart"
        viewBox={`0 0 ${SLOTS * 10} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${label}: ${plural(shown.length, "run")}, ${bad} of them went wrong, the longest took ${duration(longest)}.`}
      >
        {shown.map((run, index) => {
          // A run of no time at all is still there to be seen.
          const height = Math.max(3, ((lengths[index] ?? 0) / longest) * (HEIGHT - 4));
          return (
            <rect
              key={run.id}
              className={toneOf(run.status)}
              x={(SLOTS - shown.length + index) * 10 + 1}
              y={HEIGHT - height}
              width={8}
              height={height}
              rx={1.5}
            >
              <title>{`${run.jobConfig.name} · ${stateText(run.status)} · ${duration(lengths[index] ?? 0)} · ${instantText(run.scheduled)}`}</title>
            </rect>
          );
        })}
      </svg>
      <figcaption className="chart-scale">
        <span>longest {duration(longest)}</span>
        <span>newest →</span>
      </figcaption>
    </figure>
  );
}

function lengthOf(run: Run, now: number): number {
  if (run.duration != null) return run.duration;
  if (run.started != null && run.finished == null) return Math.max(0, now - Date.parse(run.started));
  return 0;
}
