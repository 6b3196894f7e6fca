import { useQuery } from "@tanstack/react-query";
import { may } from "../api/rights";
import { runQuery, runsQuery, useMe } from "../api/queries";
import { executionQuery, executionsQuery } from "../executions/queries";
import { isId, isPartOfId, mayNameExecution } from "./ids";

/** What is found by an id: kind, where it is, and what to call it. */
export interface Found {
  kind: "Execution" | "Run";
  id: string;
  label: string;
}

/** So many of the latest are looked through for a piece of an id: all that one answer has. */
const EXECUTIONS = 30;
const RUNS = 100;
const ONCE = { retry: false, refetchInterval: false } as const;

/** Executions and runs by their ids, executions by process ids; by a piece of an id among the latest. */
export function useById(wanted: string): Found[] {
  const me = useMe();
  const isHistorian = may(me, "history_read");
  const isPart = isPartOfId(wanted) && !isId(wanted);
  const execution = useQuery({
    ...executionQuery(wanted),
    ...ONCE,
    enabled: isHistorian && mayNameExecution(wanted),
  });
  const executions = useQuery({ ...executionsQuery({ limit: EXECUTIONS }), ...ONCE, enabled: isHistorian && isPart });
  const run = useQuery({ ...runQuery(wanted.toLowerCase()), ...ONCE, enabled: isHistorian && isId(wanted) });
  const runs = useQuery({ ...runsQuery({ offset: 0, size: RUNS }), ...ONCE, enabled: isHistorian && isPart });
  const isLike = (id: string) => isPart && id.includes(wanted.toLowerCase());
  const named = [
    ...(mayNameExecution(wanted) && execution.isSuccess ? [execution.data] : []),
    ...(executions.data?.items ?? []).filter((each) => isLike(each.workflow_execution_id)),
  ].map<Found>((each) => ({
    kind: "Execution",
    id: each.workflow_execution_id,
    label: labelOf(String(each.workflow_details.workflow_name), each.process_id ?? each.workflow_execution_id),
  }));
  const ran = [
    ...(isId(wanted) && run.isSuccess ? [run.data] : []),
    ...(runs.data?.items ?? []).filter((each) => isLike(each.id)),
  ].map<Found>((each) => ({ kind: "Run", id: each.id, label: labelOf(each.jobConfig.name, each.id) }));
  // A process id may look like a piece of an id.
  const byId = new Map([...named, ...ran].map((each) => [each.id, each]));
  return [...byId.values()].slice(0, 10);
}

function labelOf(name: string, id: string): string {
  return `${name}, ${id}`;
}
