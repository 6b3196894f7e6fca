/** What stands in the form of a schedule, and what becomes of it on the wire. Pure. */

import type { Schemas } from "../api/client";
import type { Pair } from "../ui/PairRows";
import { parseObject } from "../ui/words";
import type { PreviewInput, Schedule } from "./queries";

export type CalendarUse = Schemas["CalendarUseBody"];

export interface Draft {
  name: string;
  description: string;
  project: string | null;
  type: string;
  expression: string;
  timezone: string;
  startAt: string;
  endAt: string;
  calendars: CalendarUse[];
  tags: string[];
  customerId: string;
  externalId: string;
  actionType: string;
  action: ActionDraft;
  overlap: Schemas["OverlapPolicy"];
  catchup: Schemas["CatchupPolicy"];
  catchupMinutes: number;
  flexibleMinutes: number;
  rateLimit: number | null;
  retries: number;
  backoffSeconds: number;
  pauseAfter: number;
  afterwards: Schemas["CompletionAction"];
  deduplicationKey: string;
  entity: string | null;
  field: string;
  offsetDays: number;
  filter: string;
}

export interface ActionDraft {
  jobId: string | null;
  input: string;
  macros: Pair[];
  url: string;
  method: string;
  headers: Pair[];
  body: string;
  timeoutSeconds: number;
  /** Empty: as it was. */
  secret: string;
  workflowId: string | null;
  /** Null: the latest one that is active. */
  workflowVersion: number | null;
  payload: string;
  integration: string;
  to: string[];
  subject: string;
  message: string;
  /** All of the configuration, for every other type of action. */
  config: string;
}

const EMPTY_ACTION: ActionDraft = {
  jobId: null,
  input: "",
  macros: [],
  url: "",
  method: "POST",
  headers: [],
  body: "",
  timeoutSeconds: 30,
  secret: "",
  workflowId: null,
  workflowVersion: null,
  payload: "",
  integration: "",
  to: [],
  subject: "",
  message: "",
  config: "",
};

/** Actions that are of the schedule's project because what they start is. */
const STARTS: readonly string[] = ["run_job", "run_workflow"];
const FORMED: readonly string[] = [...STARTS, "send_webhook", "notify"];

/** Whether the project of the schedule is that of what it starts. */
export function bringsProject(actionType: string): boolean {
  return STARTS.includes(actionType);
}

/** Whether the configuration has a form of its own, and is not written as JSON. */
export function isFormed(actionType: string): boolean {
  return FORMED.includes(actionType);
}

export function newDraft(zone: string, project: string | null, jobId: string | null): Draft {
  return {
    name: "",
    description: "",
    project,
    type: "cron",
    expression: "0 9 * * 1-5",
    timezone: zone,
    startAt: "",
    endAt: "",
    calendars: [],
    tags: [],
    customerId: "",
    externalId: "",
    actionType: "run_job",
    action: { ...EMPTY_ACTION, jobId },
    overlap: "SKIP",
    catchup: "all",
    catchupMinutes: 10,
    flexibleMinutes: 0,
    rateLimit: null,
    retries: 3,
    backoffSeconds: 60,
    pauseAfter: 5,
    afterwards: "NONE",
    deduplicationKey: "",
    entity: null,
    field: "",
    offsetDays: 0,
    filter: "",
  };
}

export function draftOf(schedule: Schedule): Draft {
  return {
    name: schedule.name,
    description: schedule.description ?? "",
    project: schedule.project_id,
    type: schedule.schedule_type,
    expression: schedule.schedule_expression ?? "",
    timezone: schedule.timezone,
    startAt: schedule.start_at ?? "",
    endAt: schedule.end_at ?? "",
    calendars: schedule.calendars,
    tags: schedule.tags,
    customerId: schedule.customer_id ?? "",
    externalId: schedule.external_id ?? "",
    actionType: schedule.action_type,
    action: actionOf(schedule.action_config),
    overlap: schedule.overlap_policy as Draft["overlap"],
    catchup: schedule.catchup_policy as Draft["catchup"],
    catchupMinutes: schedule.catchup_window_minutes,
    flexibleMinutes: schedule.flexible_window_minutes,
    rateLimit: schedule.rate_limit_per_minute,
    retries: schedule.max_retries,
    backoffSeconds: schedule.retry_backoff_seconds,
    pauseAfter: schedule.pause_on_failure_count,
    afterwards: schedule.action_after_completion as Draft["afterwards"],
    deduplicationKey: schedule.deduplication_key ?? "",
    entity: schedule.relative_entity_definition_id,
    field: schedule.relative_field_name ?? "",
    offsetDays: schedule.relative_offset_days ?? 0,
    filter: jsonText(schedule.relative_filter),
  };
}

function actionOf(config: Record<string, unknown>): ActionDraft {
  const text = (name: string) => (typeof config[name] === "string" ? config[name] : "");
  return {
    jobId: text("job_id") || null,
    input: jsonText(config.input),
    macros: (Array.isArray(config.macros) ? config.macros : []) as Pair[],
    url: text("url"),
    method: text("method") || "POST",
    headers: Object.entries((config.headers ?? {}) as Record<string, string>).map(
      ([name, value]) => ({ name, value }),
    ),
    body: config.body == null ? "" : JSON.stringify(config.body, null, 2),
    timeoutSeconds: typeof config.timeout_seconds === "number" ? config.timeout_seconds : 30,
    secret: "",
    workflowId: text("workflow_id") || null,
    workflowVersion: typeof config.workflow_version === "number" ? config.workflow_version : null,
    payload: config.payload == null ? "" : JSON.stringify(config.payload, null, 2),
    integration: text("integration"),
    to: (Array.isArray(config.to) ? config.to : []) as string[],
    subject: text("subject"),
    message: text("message"),
    config: jsonText(config),
  };
}

function jsonText(value: unknown): string {
  const isEmpty = value == null || (typeof value === "object" && Object.keys(value).length === 0);
  return isEmpty ? "" : JSON.stringify(value, null, 2);
}

/** Throws with a sentence for JSON that is none. */
export function actionConfig(type: string, action: ActionDraft): Record<string, Schemas["JsonValue"]> {
  const named = (pairs: Pair[]) => pairs.filter((pair) => pair.name !== "");
  if (type === "run_job") {
    return {
      job_id: action.jobId ?? "",
      input: parseObject(action.input),
      macros: named(action.macros).map(({ name, value }) => ({ name, value })),
    };
  }
  if (type === "send_webhook") {
    return {
      url: action.url.trim(),
      method: action.method,
      headers: Object.fromEntries(named(action.headers).map((pair) => [pair.name, pair.value])),
      body: anyJson(action.body),
      timeout_seconds: action.timeoutSeconds,
      ...(action.secret === "" ? {} : { secret: action.secret }),
    };
  }
  if (type === "run_workflow") {
    return {
      workflow_id: action.workflowId ?? "",
      workflow_version: action.workflowVersion,
      payload: anyJson(action.payload),
    };
  }
  if (type === "notify") {
    const { integration, to, subject, message } = action;
    return { integration, to, subject, message };
  }
  return parseObject(action.config);
}

/** Empty is null. */
function anyJson(text: string): Schemas["JsonValue"] {
  return text.trim() === "" ? null : (JSON.parse(text) as Schemas["JsonValue"]);
}

const orNull = (text: string) => (text.trim() === "" ? null : text.trim());

/** All that can be changed later too. Throws as `actionConfig` does. */
export function changesOf(draft: Draft): Schemas["ScheduleChanges"] {
  const relative = draft.type === "relative";
  return {
    name: draft.name,
    description: orNull(draft.description),
    schedule_expression: orNull(draft.expression),
    timezone: draft.timezone,
    start_at: orNull(draft.startAt),
    end_at: orNull(draft.endAt),
    calendars: draft.calendars,
    tags: draft.tags,
    customer_id: orNull(draft.customerId),
    external_id: orNull(draft.externalId),
    action_config: actionConfig(draft.actionType, draft.action),
    overlap_policy: draft.overlap,
    catchup_policy: draft.catchup,
    catchup_window_minutes: draft.catchupMinutes,
    flexible_window_minutes: draft.flexibleMinutes,
    rate_limit_per_minute: draft.rateLimit,
    max_retries: draft.retries,
    retry_backoff_seconds: draft.backoffSeconds,
    pause_on_failure_count: draft.pauseAfter,
    action_after_completion: draft.afterwards,
    ...(relative
      ? {
          relative_entity_definition_id: draft.entity,
          relative_field_name: orNull(draft.field),
          relative_offset_days: draft.offsetDays,
          relative_filter: draft.filter.trim() === "" ? null : parseObject(draft.filter),
        }
      : {}),
  };
}

export function inputOf(draft: Draft): Schemas["ScheduleInput"] {
  return {
    ...changesOf(draft),
    name: draft.name,
    schedule_type: draft.type,
    action_type: draft.actionType,
    action_config: actionConfig(draft.actionType, draft.action),
    deduplication_key: orNull(draft.deduplicationKey),
    project_id: bringsProject(draft.actionType) ? null : draft.project,
  };
}

export function previewOf(draft: Draft): PreviewInput {
  return {
    schedule_type: draft.type,
    schedule_expression: orNull(draft.expression),
    timezone: draft.timezone,
    start_at: orNull(draft.startAt),
    end_at: orNull(draft.endAt),
    calendars: draft.calendars,
    count: 8,
  };
}

/** What is wrong with the JSON in each field, before it is sent. */
export function faultsOf(
  draft: Draft,
): Record<"input" | "body" | "payload" | "config" | "filter", string | null> {
  const { action, actionType } = draft;
  return {
    input: actionType === "run_job" ? faultOf(() => parseObject(action.input)) : null,
    body: actionType === "send_webhook" ? faultOf(() => anyJson(action.body)) : null,
    payload: actionType === "run_workflow" ? faultOf(() => anyJson(action.payload)) : null,
    config: isFormed(actionType) ? null : faultOf(() => parseObject(action.config)),
    filter: draft.type === "relative" ? faultOf(() => parseObject(draft.filter)) : null,
  };
}

export function faultOf(work: () => unknown): string | null {
  try {
    work();
    return null;
  } catch (error) {
    return error instanceof SyntaxError
      ? `This is not JSON: ${error.message}`
      : error instanceof Error
        ? error.message
        : String(error);
  }
}
