/** What the charts ask of the server. */

import { queryOptions } from "@tanstack/react-query";
import { api, good } from "../api/client";
import { LIVE_MS } from "../api/queries";
import type { Step } from "./buckets";

const CLOSED_MS = 5 * 60_000;

/** `isLive`: the end of the stretch, which is asked for again and again; the rest is only now and then. */
export const bucketsQuery = (query: {
  from: string;
  to: string;
  step: Step;
  project: string | undefined;
  isLive: boolean;
}) => {
  const { from, to, step, project, isLive } = query;
  return queryOptions({
    queryKey: ["buckets", query] as const,
    queryFn: async () =>
      (await good(api.GET("/v1/statistics", { params: { query: { from, to, step, project_id: project } } })))
        .buckets,
    // Until a new hour's buckets are there, those of the last; never those of another question.
    placeholderData: (before, asked) =>
      asked !== undefined && asked.queryKey[1].step === step && asked.queryKey[1].project === project
        ? before
        : undefined,
    staleTime: isLive ? 0 : CLOSED_MS,
    refetchInterval: isLive ? LIVE_MS : CLOSED_MS,
  });
};
