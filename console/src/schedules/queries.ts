/** What the pages about schedules ask of the server. */

import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { api, good, type Schemas } from "../api/client";
import { LIVE_MS } from "../api/queries";
import { refresh } from "../api/refresh";
import { keyOf } from "./hourly";

export type Schedule = Schemas["ScheduleBody"];
export type ScheduleStatus = "active" | "paused" | "completed";
export type Firing = Schemas["FiringBody"];
export type Occurrence = Schemas["OccurrenceBody"];
export type CalendarDays = Schemas["CalendarDaysBody"];
export type PreviewInput = Schemas["PreviewInput"];

/** So many answers tell of one day. */
const MOST_PARTS = 5;

export const schedulesQuery = (query: {
  limit: number;
  offset: number;
  status?: ScheduleStatus;
  tag?: string[];
  project_id?: string;
  search?: string;
}) =>
  queryOptions({
    queryKey: ["schedules", query],
    queryFn: () => good(api.GET("/v1/schedules", { params: { query } })),
    placeholderData: keepPreviousData,
    refetchInterval: LIVE_MS,
  });

export const scheduleQuery = (id: string) =>
  queryOptions({
    queryKey: ["schedule", id],
    queryFn: () =>
      good(api.GET("/v1/schedules/{schedule_id}", { params: { path: { schedule_id: id } } })),
    refetchInterval: LIVE_MS,
  });

export const firingsQuery = (id: string, query: { limit: number; offset: number; status?: Schemas["FiringStatus"] }) =>
  queryOptions({
    queryKey: ["schedule", id, "firings", query],
    queryFn: () =>
      good(
        api.GET("/v1/schedules/{schedule_id}/runs", { params: { path: { schedule_id: id }, query } }),
      ),
    placeholderData: keepPreviousData,
    refetchInterval: LIVE_MS,
  });

/** Asked again whenever the next due time is another one. */
export const upcomingQuery = (id: string, version: number, next: string | null) =>
  queryOptions({
    queryKey: ["schedule", id, "upcoming", version, next],
    queryFn: () =>
      good(
        api.GET("/v1/schedules/{schedule_id}/upcoming", {
          params: { path: { schedule_id: id }, query: { n: 10 } },
        }),
      ),
  });

export const versionsQuery = (id: string, version: number) =>
  queryOptions({
    queryKey: ["schedule", id, "versions", version],
    queryFn: () =>
      good(
        api.GET("/v1/schedules/{schedule_id}/versions", { params: { path: { schedule_id: id } } }),
      ),
  });

export const explainQuery = (id: string, at: string) =>
  queryOptions({
    queryKey: ["schedule", id, "explain", at],
    queryFn: () =>
      good(
        api.GET("/v1/schedules/{schedule_id}/explain", {
          params: { path: { schedule_id: id }, query: { at } },
        }),
      ),
    retry: false,
  });

export const previewQuery = (body: PreviewInput) =>
  queryOptions({
    queryKey: ["preview", body],
    queryFn: () => good(api.POST("/v1/schedules/preview", { body })),
    staleTime: 10_000,
    retry: false,
  });

export const occurrencesQuery = (from: string, to: string, project?: string) =>
  queryOptions({
    queryKey: ["occurrences", from, to, project ?? null],
    queryFn: () =>
      good(
        api.GET("/v1/schedules/occurrences", { params: { query: { from, to, project_id: project } } }),
      ),
    placeholderData: keepPreviousData,
    refetchInterval: 10_000,
  });

/** Whole days, counted: they are the reader's, as the grid that shows them. */
export const calendarQuery = (from: string, to: string, project?: string) => {
  const { timeZone } = new Intl.DateTimeFormat().resolvedOptions();
  return queryOptions({
    queryKey: ["occurrences", "days", from, to, timeZone, project ?? null],
    queryFn: () =>
      good(
        api.GET("/v1/schedules/calendar", {
          params: { query: { from, to, timezone: timeZone, project_id: project } },
        }),
      ),
    placeholderData: keepPreviousData,
    refetchInterval: 30_000,
  });
};

/** All of a day: in parts, as one answer has 1,000 of them. */
export const dayQuery = (from: string, to: string, project?: string) =>
  queryOptions({
    queryKey: ["occurrences", "day", from, to, project ?? null],
    queryFn: async () => {
      const items = new Map<string, Occurrence>();
      let start = from;
      for (let part = 1; ; part += 1) {
        const query = { from: start, to, project_id: project };
        const found = await good(api.GET("/v1/schedules/occurrences", { params: { query } }));
        const known = items.size;
        for (const each of found.items) items.set(keyOf(each), each);
        // More may also mean that some schedules were not looked at.
        const isWhole = !found.more || found.items.length < 1000 || items.size === known;
        if (isWhole || part === MOST_PARTS) return { items: [...items.values()], more: found.more };
        start = found.items.at(-1)?.at ?? to;
      }
    },
    placeholderData: keepPreviousData,
    refetchInterval: 10_000,
  });

export const calendarsQuery = queryOptions({
  queryKey: ["calendars"],
  queryFn: async () =>
    (await good(api.GET("/v1/calendars", { params: { query: { limit: 200 } } }))).items,
});

export const entitiesQuery = (project?: string) =>
  queryOptions({
    queryKey: ["entities", project ?? null],
    queryFn: async () =>
      (await good(api.GET("/v1/entities", { params: { query: { limit: 200, project_id: project } } })))
        .items,
  });

export const integrationsQuery = (project?: string) =>
  queryOptions({
    queryKey: ["integrations", "all", project ?? null],
    queryFn: async () =>
      (
        await good(
          api.GET("/v1/integrations", { params: { query: { limit: 200, project_id: project } } }),
        )
      ).items,
  });

/** Whatever was done to a schedule: its page and the lists look again. */
export async function schedulesChanged(): Promise<void> {
  await refresh(["schedules"], ["schedule"], ["occurrences"]);
}
