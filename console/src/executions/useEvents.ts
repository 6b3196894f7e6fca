import { useEffect, useMemo, useState } from "react";
import { refresh } from "../api/refresh";
import { follow } from "../log/events";
import { isOver, type Execution } from "./queries";
import { entriesOf, type Entry } from "./spans";

/**
 * The event log of an execution, as it grows: what came with the execution, and what the stream has
 * told since. A new status makes the execution itself be looked at again.
 */
export function useEvents(execution: Execution): { entries: Entry[]; error: unknown } {
  const { workflow_execution_id: id, workflow_event_log: log } = execution;
  const [news, setNews] = useState<{ id: string; entries: Entry[] }>({ id, entries: [] });
  const [error, setError] = useState<unknown>(null);
  const known = useMemo(() => entriesOf(log.events), [log.events]);
  const over = isOver(execution.workflow_status);
  useEffect(() => {
    if (over) return;
    const stop = new AbortController();
    const last = known.at(-1)?.seq ?? 0;
    follow(
      `/v1/workflows/executions/${encodeURIComponent(id)}/events`,
      (events) => {
        const told = events.filter((event) => event.name === "event");
        const entries = entriesOf(told.map((event) => JSON.parse(event.data) as unknown));
        if (entries.length > 0) {
          setNews((old) => ({ id, entries: old.id === id ? [...old.entries, ...entries] : entries }));
        }
        if (told.length < events.length) {
          // Its page may know it by its process id.
          void refresh(["execution"]);
        }
      },
      stop.signal,
      String(last),
    ).catch(setError);
    return () => stop.abort();
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the stream goes on where it began
  }, [id, over]);
  const entries = useMemo(() => {
    const last = known.at(-1)?.seq ?? 0;
    const further = news.id === id ? news.entries.filter((entry) => entry.seq > last) : [];
    return further.length === 0 ? known : [...known, ...further];
  }, [known, news, id]);
  return { entries, error };
}
