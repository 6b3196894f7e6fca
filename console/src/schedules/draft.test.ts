import { describe, expect, it } from "vitest";
import { changesOf, draftOf, faultsOf, inputOf, newDraft, previewOf } from "./draft";
import type { Schedule } from "./queries";

const STORED = {
  id: "0199f3c1-6504-7b1c-9d52-48dcab1e0f3a",
  tenant_id: "t",
  project_id: "p",
  version: 3,
  name: "Nightly",
  description: null,
  customer_id: null,
  external_id: "x",
  tags: ["a"],
  schedule_type: "relative",
  schedule_expression: "09:00",
  crons: [],
  timezone: "Europe/Berlin",
  start_at: null,
  end_at: "2040-01-01T00:00:00.000Z",
  calendars: [{ calendar_id: "c", mode: "roll_back" }],
  action_type: "send_webhook",
  action_config: {
    url: "https://a.example/x",
    method: "PUT",
    headers: { "X-A": "b" },
    body: { n: [1] },
    timeout_seconds: 12,
  },
  overlap_policy: "BUFFER_ALL",
  catchup_window_minutes: 5,
  catchup_policy: "latest",
  flexible_window_minutes: 2,
  rate_limit_per_minute: 7,
  max_retries: 1,
  retry_backoff_seconds: 9,
  pause_on_failure_count: 4,
  action_after_completion: "DELETE",
  deduplication_key: null,
  relative_entity_definition_id: "e",
  relative_field_name: "due",
  relative_filter: { state: "open" },
  relative_offset_days: -3,
  status: "active",
  paused_reason: null,
  paused_until: null,
  next_run_at: null,
  last_run_at: null,
  last_run_status: null,
  run_count: 0,
  failures_in_a_row: 0,
  created_at: "2026-11-22T04:56:11.589Z",
  created_by: "user:1",
  updated_at: "2026-11-22T04:56:11.589Z",
} satisfies Schedule;

describe("a draft", () => {
  it("of a stored schedule says what the schedule says", () => {
    const changes = changesOf(draftOf(STORED)) as Record<string, unknown>;
    for (const [field, value] of Object.entries(changes)) {
      expect(value, field).toEqual(STORED[field as keyof typeof STORED]);
    }
    expect(Object.keys(changes).length).toBe(24);
  });

  it("sends a secret only where one was typed", () => {
    const draft = draftOf(STORED);
    expect(changesOf(draft).action_config).not.toHaveProperty("secret");
    draft.action.secret = "whsec_AAAA";
    expect(changesOf(draft).action_config).toHaveProperty("secret", "whsec_AAAA");
  });

  it("of a new schedule runs the job, in the job's project", () => {
    const draft = { ...newDraft("UTC", "p", "7"), name: "n" };
    const input = inputOf(draft);
    expect(input.action_config).toEqual({ job_id: "7", input: {}, macros: [] });
    expect(input.project_id).toBeNull();
    expect(inputOf({ ...draft, actionType: "log_event" }).project_id).toBe("p");
    expect(input).not.toHaveProperty("relative_filter");
  });

  it("starts a workflow in the workflow's project, and tells people in its own", () => {
    const draft = { ...newDraft("UTC", "p", null), actionType: "run_workflow" };
    const action = { ...draft.action, workflowId: "w", payload: "[1]" };
    const input = inputOf({ ...draft, action });
    expect(input.action_config).toEqual({ workflow_id: "w", workflow_version: null, payload: [1] });
    expect(input.project_id).toBeNull();
    const told = { ...draft.action, integration: "mail", to: ["a@b.example"], subject: "s", message: "m" };
    const letter = inputOf({ ...draft, actionType: "notify", action: told });
    expect(letter.action_config).toEqual({ integration: "mail", to: ["a@b.example"], subject: "s", message: "m" });
    expect(letter.project_id).toBe("p");
  });

  it.each([
    ["run_workflow", { workflow_id: "w", workflow_version: 2, payload: { n: 1 } }],
    ["notify", { integration: "mail", to: ["a@b.example"], subject: "", message: "m" }],
  ])("of a stored %s keeps its configuration", (action_type, action_config) => {
    expect(changesOf(draftOf({ ...STORED, action_type, action_config })).action_config).toEqual(action_config);
  });

  it("is previewed with what makes it due", () => {
    const draft = { ...newDraft("UTC", null, null), expression: " @daily ", startAt: "2030-01-01" };
    expect(previewOf(draft)).toMatchObject({ schedule_expression: "@daily", start_at: "2030-01-01", end_at: null });
  });

  it("names JSON that is none, in the fields that are sent", () => {
    const draft = newDraft("UTC", null, null);
    draft.action.input = "[1]";
    draft.action.body = "{";
    expect(faultsOf(draft)).toMatchObject({ input: expect.stringContaining("JSON object") as unknown, body: null });
    draft.action.payload = "nothing";
    expect(faultsOf({ ...draft, actionType: "run_workflow" }).payload).toContain("not JSON");
    expect(faultsOf({ ...draft, actionType: "send_webhook" })).toMatchObject({ input: null, body: expect.stringContaining("not JSON") as unknown });
  });
});
