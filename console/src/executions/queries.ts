/** What the pages about executions ask of the server. */

import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { api, good, type Schemas } from "../api/client";
import { LIVE_MS } from "../api/queries";
import { refresh } from "../api/refresh";

export type ExecutionStatus = Schemas["Status"];
export type ExecutionSummary = Schemas["ExecutionItem"];
export type Execution = Schemas["WholeExecutionItem"];

export const EXECUTION_STATUSES: ExecutionStatus[] = [
  "In Progress", "Awaiting Response", "Completed", "Failed", "Terminated",
]; // prettier-ignore
export const PAGE_SIZE = 25;

export function isOver(status: ExecutionStatus): boolean {
  return status === "Completed" || status === "Failed" || status === "Terminated";
}

/** The last row of the page before, as it stands in an address. */
export interface Place {
  workflow: string;
  execution: string;
}

export interface ExecutionsWanted {
  workflow?: string;
  status?: ExecutionStatus;
  project?: string;
  after?: Place;
  limit?: number;
  oldestFirst?: boolean;
}

export const executionsQuery = (wanted: ExecutionsWanted) =>
  queryOptions({
    queryKey: ["executions", wanted],
    queryFn: () => {
      const { workflow, status, project, after, limit = PAGE_SIZE } = wanted;
      const query = { limit, workflow_status: status, workflow_execution_id: after?.execution };
      if (workflow !== undefined) {
        const params = { query: { ...query, workflow_id: workflow } };
        return good(api.GET("/v1/workflows/getWorkflowExecutionHistory", { params }));
      }
      const order = wanted.oldestFirst === true ? ("oldest" as const) : undefined;
      const params = { query: { ...query, workflow_id: after?.workflow, workspace_id: project, order } };
      return good(api.GET("/v1/workflows/getOrganizationExecutions", { params }));
    },
    placeholderData: keepPreviousData,
    refetchInterval: LIVE_MS,
  });

export const executionQuery = (id: string) =>
  queryOptions({
    queryKey: ["execution", id],
    queryFn: async () =>
      (await good(api.GET("/v1/workflows/executions/{id}", { params: { path: { id } } }))).item,
    // What a step has started is told by the execution alone, and not by its events.
    refetchInterval: (query) => (query.state.data?.workflow_status === "In Progress" ? LIVE_MS : false),
  });

/** Whatever was done to an execution: its page and the lists look again. */
export async function executionsChanged(): Promise<void> {
  await refresh(["execution"], ["executions"]);
}

export function instant(ms: number): string {
  return new Date(ms).toISOString();
}
