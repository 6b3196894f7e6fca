/** What the pages about workflows ask of the server. */

import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { api, good, type Schemas } from "../api/client";
import { refresh } from "../api/refresh";
import type { Document } from "./document";

export type Version = Schemas["WorkflowItem"];
export type Listed = Schemas["ListedItem"];
export type VersionStatus = Schemas["VersionStatus"];
export type StepType = Schemas["StepType"];

const SIZE = 30;

interface Wanted {
  search?: string;
  project?: string;
  status?: VersionStatus;
}

/** Of each workflow one version: the latest, or with a status all that have it. */
export const workflowsQuery = ({ search, project, status }: Wanted) =>
  infiniteQueryOptions({
    queryKey: ["workflows", { search, project, status }],
    queryFn: ({ pageParam }) =>
      good(
        api.GET("/v1/workflows/getOrganizationWorkflows", {
          params: {
            query: {
              limit: SIZE,
              search,
              workspace_id: project,
              workflow_status: status,
              latest: status === undefined ? true : undefined,
              workflow_id: pageParam?.workflow_id,
              workflow_version: pageParam === null ? undefined : String(pageParam.workflow_version),
            },
          },
        }),
      ),
    initialPageParam: null as Schemas["VersionLastKey"] | null,
    getNextPageParam: (page) => page.lastKey ?? null,
    placeholderData: keepPreviousData,
  });

/** All versions, the highest first; of very many the latest 300. */
export const versionsQuery = (id: string) =>
  queryOptions({
    queryKey: ["workflow", id, "versions"],
    queryFn: async () => {
      const found: Listed[] = [];
      let after: string | undefined;
      do {
        const page = await good(
          api.GET("/v1/workflows/{workflow_id}/versions", {
            params: { path: { workflow_id: id }, query: { limit: SIZE, workflow_version: after } },
          }),
        );
        found.push(...page.items);
        after = page.lastKey == null ? undefined : String(page.lastKey.workflow_version);
      } while (after !== undefined && found.length < 300);
      return found;
    },
  });

export const versionQuery = (id: string, version: number) =>
  queryOptions({
    queryKey: ["workflow", id, version],
    queryFn: async () =>
      (
        await good(
          api.GET("/v1/workflows/getWorkflowById", {
            params: { query: { workflow_id: id, workflow_version: String(version) } },
          }),
        )
      ).item,
  });

export const stepTypesQuery = queryOptions({
  queryKey: ["step-types"],
  queryFn: async () => (await good(api.GET("/v1/workflows/step-types"))).items,
  staleTime: Infinity,
});

/** What would be refused of a definition. */
export const validationQuery = (document: Document, project: string) =>
  queryOptions({
    queryKey: ["validation", project, document],
    queryFn: async () =>
      (
        await good(
          api.POST("/v1/workflows/validate", { body: { ...inputOf(document), workspace_id: project } }),
        )
      ).errors,
    staleTime: Infinity,
    gcTime: 0,
    retry: false,
    placeholderData: keepPreviousData,
  });

/** Whatever was done to a workflow: its page and the lists look again. */
export async function workflowsChanged(): Promise<void> {
  await refresh(["workflows"], ["workflow"]);
}

/** What of a version can be changed. */
export function documentOf(version: Version): Document {
  return {
    workflow_name: version.workflow_name,
    workflow_steps: version.workflow_steps,
    workflow_connections: version.workflow_connections,
    workflow_schema: version.workflow_schema,
    workflow_integrations: version.workflow_integrations,
    workflow_mock_payload: version.workflow_mock_payload,
  };
}

/** The document as it is sent: the server says what is wrong with fields that are of another type. */
export function inputOf(document: Document): Schemas["WorkflowInput"] {
  return document;
}

export function pathOf(version: { workflow_id: string; workflow_version: number }) {
  return { workflow_id: version.workflow_id, workflow_version: String(version.workflow_version) };
}
