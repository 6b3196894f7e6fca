/** When a schedule would be due, in words and times, while one types; and what the clocks do to it. */

import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQueries, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ApiError } from "../api/client";
import { Empty, Panel, Waiting } from "../ui/parts";
import { useNow } from "../ui/clock";
import { relative, zonedText } from "../ui/words";
import { clockChanges, warningOf, type ClockChange } from "./clockChanges";
import { previewQuery, type PreviewInput } from "./queries";

const YEAR = 366 * 86_400_000;
const AROUND = 8 * 86_400_000;
/** Due times around a change of the clocks: more often than hourly nothing is lost. */
const MOST_AROUND = 400;

export function Preview({ input }: { input: PreviewInput }) {
  // Typing is one question, not one a letter.
  const [text] = useDebouncedValue(JSON.stringify(input), 250);
  const settled = JSON.parse(text) as PreviewInput;
  const found = useQuery({ ...previewQuery(settled), placeholderData: keepPreviousData });
  const isOld = found.isPlaceholderData || text !== JSON.stringify(input);
  return (
    <Panel title="When it is due">
      <div aria-live="polite" aria-busy={isOld} style={{ opacity: isOld ? 0.6 : 1 }}>
        {found.error !== null ? (
          <div role="status" className="fault">
            <strong>{told(found.error)}</strong>
          </div>
        ) : found.data === undefined ? (
          <Waiting />
        ) : (
          <>
            <p style={{ marginTop: 0 }}>
              <strong>{found.data.description}</strong>
            </p>
            <Times times={found.data.next} zone={found.data.timezone} />
            {/* What moves by elapsed time has no hour of the day to lose. */}
            {settled.schedule_type !== "interval" && settled.schedule_type !== "once" && (
              <Warnings input={settled} zone={found.data.timezone} />
            )}
          </>
        )}
      </div>
    </Panel>
  );
}

function told(error: Error): string {
  if (!(error instanceof ApiError)) return error.message;
  return error.message.replace(/^schedule_expression: /, "");
}

export function Times({ times, zone }: { times: string[]; zone: string }) {
  const now = useNow();
  if (times.length === 0) {
    return <Empty title="Never again">No due time is left between its start and its end.</Empty>;
  }
  return (
    <ol className="times" aria-label="Next due times">
      {times.map((at) => (
        <li key={at}>
          <time dateTime={at}>{zonedText(at, zone)}</time> <small>{relative(at, now)}</small>
        </li>
      ))}
    </ol>
  );
}

function Warnings({ input, zone }: { input: PreviewInput; zone: string }) {
  // From the hour on, so that the questions stay the same for a while.
  const [from] = useState(() => Math.floor(Date.now() / 3_600_000) * 3_600_000);
  const changes = clockChanges(zone, from, from + YEAR).slice(0, 2);
  const around = useQueries({
    queries: changes.map((change) =>
      previewQuery({
        ...input,
        after: new Date(change.at - AROUND).toISOString(),
        count: MOST_AROUND,
      }),
    ),
  });
  const warnings = changes.flatMap((change, index) => {
    const times = around[index]?.data?.next ?? [];
    const warning = warningOf(change, withinDays(times, change), zone);
    return warning === null ? [] : [warning];
  });
  if (warnings.length === 0) return null;
  return (
    <ul className="warnings" aria-label="When the clocks change">
      {warnings.map((warning) => (
        <li key={warning}>{warning}</li>
      ))}
    </ul>
  );
}

/** None at all where the stretch is not whole: then it is due so often that nothing is lost. */
function withinDays(times: string[], change: ClockChange): number[] {
  const found = times.map((at) => Date.parse(at)).filter((at) => at <= change.at + AROUND);
  return found.length === MOST_AROUND ? [] : found;
}
