/** What pages ask of the server, each question with its key. */

import { keepPreviousData, QueryClient, queryOptions, useSuspenseQuery } from "@tanstack/react-query";
import { api, ApiError, good, type Schemas } from "./client";
import type { Me } from "./rights";

export const OPEN_STATES = ["QUEUED", "WAITING", "INITIALIZING", "RUNNING"] as const;
export const BAD_STATES = ["ERROR", "FAILED"] as const;

/** How often lists look again while they are on screen. */
export const LIVE_MS = 3000;
const CALM_MS = 15_000;

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 2000,
      retry: (count, error) =>
        count < 2 && error instanceof ApiError && (error.status === 0 || error.status >= 500),
    },
  },
});

export const meQuery = queryOptions({
  queryKey: ["me"],
  queryFn: () => good(api.GET("/v1/me")),
  staleTime: 60_000,
});

export function useMe(): Me {
  return useSuspenseQuery(meQuery).data;
}

export const productQuery = queryOptions({
  queryKey: ["product"],
  queryFn: () => good(api.GET("/api/product/info")),
  staleTime: Infinity,
});

export const projectsQuery = queryOptions({
  queryKey: ["projects"],
  queryFn: () =>
    everything((offset) =>
      good(api.GET("/v1/projects", { params: { query: { limit: 200, offset } } })),
    ),
  staleTime: 30_000,
});

export const keysQuery = queryOptions({
  queryKey: ["api-keys"],
  queryFn: () =>
    everything((offset) =>
      good(api.GET("/v1/api-keys", { params: { query: { limit: 200, offset } } })),
    ),
});

export const keyQuery = (id: string) =>
  queryOptions({
    queryKey: ["api-keys", id],
    queryFn: () => good(api.GET("/v1/api-keys/{id}", { params: { path: { id } } })),
  });

export const rolesQuery = queryOptions({
  queryKey: ["roles"],
  queryFn: () => good(api.GET("/v1/roles")),
  staleTime: Infinity,
});

export const membersQuery = (projectId: string | undefined) =>
  queryOptions({
    queryKey: ["members", projectId ?? null],
    queryFn: () =>
      everything((offset) =>
        good(
          api.GET("/v1/members", {
            params: { query: { limit: 200, offset, project_id: projectId } },
          }),
        ),
      ),
  });

export const invitationsQuery = (projectId: string | undefined) =>
  queryOptions({
    queryKey: ["invitations", projectId ?? null],
    queryFn: () =>
      everything((offset) =>
        good(
          api.GET("/v1/invitations", {
            params: { query: { limit: 200, offset, project_id: projectId } },
          }),
        ),
      ),
    // Letters go out, and links are used, while one looks on.
    refetchInterval: CALM_MS,
  });

export const usersQuery = (page: { offset: number; size: number; filter?: string }) =>
  queryOptions({
    queryKey: ["users", page],
    queryFn: () => good(api.GET("/api/users", { params: { query: page } })),
    placeholderData: keepPreviousData,
  });

export const jobsQuery = (query: {
  offset: number;
  size: number;
  filter?: string;
  active?: boolean;
  project?: string;
  sortby?: string;
  direction?: string;
}) =>
  queryOptions({
    queryKey: ["jobs", query],
    queryFn: () => good(api.GET("/api/jobconfigs", { params: { query } })),
    placeholderData: keepPreviousData,
  });

export const jobQuery = (id: string) =>
  queryOptions({
    queryKey: ["job", id],
    queryFn: () => good(api.GET("/api/jobconfigs/{id}", { params: { path: { id } } })),
  });

export const filesQuery = (id: string) =>
  queryOptions({
    queryKey: ["job", id, "files"],
    queryFn: () => good(api.GET("/api/jobconfigs/{id}/files", { params: { path: { id } } })),
  });

export const entryPointsQuery = (id: string, key: string, version: string) =>
  queryOptions({
    queryKey: ["job", id, "entry-points", key, version],
    queryFn: () =>
      good(
        api.GET("/api/jobconfigs/{id}/files/entrypoints/{key}", { params: { path: { id, key } } }),
      ),
  });

export interface RunsWanted {
  offset: number;
  size: number;
  state?: string[];
  jobconfigid?: string;
  project?: string;
  filter?: string;
  startdate?: string;
}

export const runsQuery = (query: RunsWanted) =>
  queryOptions({
    queryKey: ["runs", query],
    queryFn: () => good(api.GET("/api/jobs", { params: { query } })),
    placeholderData: keepPreviousData,
    refetchInterval: LIVE_MS,
  });

export const runQuery = (id: string) =>
  queryOptions({
    queryKey: ["run", id],
    queryFn: () => good(api.GET("/api/jobs/{id}", { params: { path: { id } } })),
    refetchInterval: (query) =>
      query.state.data === undefined || isOpen(query.state.data.status) ? 1500 : false,
  });

export const outputQuery = (id: string) =>
  queryOptions({
    queryKey: ["run", id, "output"],
    queryFn: () => good(api.GET("/api/jobs/{id}/out", { params: { path: { id } } })),
  });

export const statisticsQuery = (project: string | undefined) =>
  queryOptions({
    queryKey: ["statistics", project ?? null],
    queryFn: () => good(api.GET("/api/jobstats", { params: { query: { project } } })),
    refetchInterval: LIVE_MS,
    placeholderData: keepPreviousData,
  });

export const destinationsQuery = queryOptions({
  queryKey: ["destinations"],
  queryFn: () => good(api.GET("/api/destinations")),
  staleTime: CALM_MS,
});

export const macroSetsQuery = queryOptions({
  queryKey: ["macrosets"],
  queryFn: () => good(api.GET("/api/macrosets")),
  staleTime: CALM_MS,
});

export function isOpen(status: string): boolean {
  return (OPEN_STATES as readonly string[]).includes(status);
}

export type Run = Schemas["RunBody"];
export type Job = Schemas["JobConfigBody"];
export type Key = Schemas["KeyBody"];
export type Member = Schemas["MemberBody"];

/** All rows of a list that is short in any sensible tenant; at most 2,000. */
async function everything<T>(
  page: (offset: number) => Promise<{ items: T[]; total: number }>,
): Promise<T[]> {
  const found: T[] = [];
  for (;;) {
    const next = await page(found.length);
    found.push(...next.items);
    if (next.items.length === 0 || found.length >= Math.min(next.total, 2000)) return found;
  }
}
