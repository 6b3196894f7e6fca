import { Button, Checkbox, Group, NumberInput, Radio, Select, Stack, TagsInput, Textarea, TextInput } from "@mantine/core";
import { Trash2 } from "lucide-react";
import { useState, type ReactNode } from "react";
import { ConfigFields } from "./ConfigFields";
import { isObject, type Step } from "./definition";
import { formFields, type FormField } from "./fields";
import { freed } from "./nesting";
import type { StepType } from "./queries";

// The server refuses these elsewhere: the same would come out, or each item has its own.
const RETRIED = new Set(["http", "function", "job", "workflow", "wait_for_response"]);
const TIMED = new Set([...RETRIED, "map", "request", "schedule"]);
const PLACED = new Set([...RETRIED, "map", "wait", "condition", "branch", "join"]);
/** What a map does with each item: its own steps, or another workflow. */
const OF_ITEMS = new Set(["steps", "connections", "workflow_id", "workflow_version"]);
const ID = /^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}$/;
const PLACES = [
  { value: "", label: "Only to steps." },
  { value: "merge", label: "Laid over the payload" },
  { value: "replace", label: "In the payload's place" },
];

/** All that can be said of a step. */
export function StepForm({
  step,
  types,
  takenIds,
  project,
  onChange,
  onRename,
  onDelete,
  inner,
  children,
}: {
  step: Step;
  types: readonly StepType[];
  takenIds: readonly string[];
  project: string;
  /** `of` names the field that is typed into. */
  onChange: (part: Record<string, unknown>, of: string) => void;
  onRename: (id: string) => void;
  onDelete: () => void;
  /** The steps within it, for a type that has such. */
  inner: ReactNode;
  /** What stands before its end: where the step goes on to. */
  children: ReactNode;
}) {
  const type = types.find((each) => each.type === step.type);
  const isTrigger = type?.is_trigger ?? false;
  const fields = formFields(type?.config_schema, type?.expressions);
  const config = {
    at: `${step.id}.config`,
    config: step.config ?? {},
    project,
    onChange: (changed: Record<string, unknown>) => onChange({ config: changed }, "config"),
  };
  const isOfItems = (field: FormField) => step.type === "map" && OF_ITEMS.has(field.name);
  const hasSteps = config.config.steps !== undefined;
  const ofItems = (isSteps: boolean) => {
    const rest = Object.fromEntries(Object.entries(config.config).filter(([name]) => !OF_ITEMS.has(name)));
    const { steps, connections } = freed(type?.example ?? {}, takenIds);
    return isSteps ? { ...rest, steps, connections } : rest;
  };
  return (
    <Stack gap="sm">
      <Select
        label="Type"
        description={type?.description}
        allowDeselect={false}
        data={types.filter((each) => each.is_trigger === isTrigger).map((each) => ({ value: each.type, label: each.title }))}
        value={step.type}
        onChange={(value) => {
          const chosen = types.find((each) => each.type === value);
          if (chosen !== undefined && chosen.type !== step.type) {
            onChange({ type: chosen.type, config: freed(chosen.example, takenIds), retry: undefined, result: undefined }, "type");
          }
        }}
      />
      <div className="pair">
        <TextInput label="Name" maxLength={200} placeholder={step.id} value={step.name ?? ""} onChange={(event) => onChange({ name: event.currentTarget.value || undefined }, "name")} />
        <IdInput key={step.id} id={step.id} takenIds={takenIds} onRename={onRename} />
      </div>
      <ConfigFields {...config} fields={fields.filter((field) => !isOfItems(field))} />
      {step.type === "map" && (
        <div role="group" aria-label="For each item">
          <Radio.Group
            label="For each item"
            value={hasSteps ? "steps" : "workflow"}
            onChange={(value) => onChange({ config: ofItems(value === "steps") }, "items")}
          >
            <Group gap="lg" mt={4} mb="xs">
              <Radio value="steps" label="Steps of its own" />
              <Radio value="workflow" label="Another workflow" />
            </Group>
          </Radio.Group>
          {hasSteps && inner}
          <ConfigFields {...config} fields={fields.filter((field) => field.name.startsWith("workflow_") && (!hasSteps || config.config[field.name] !== undefined))} />
        </div>
      )}
      {PLACED.has(step.type) && <PlaceFields step={step} onChange={onChange} />}
      {TIMED.has(step.type) && (
        <NumberInput
          label="Timeout"
          description={isTrigger ? "Seconds, of the whole execution; empty: none" : "Seconds, of one attempt; empty: none"}
          min={0}
          value={step.timeout_seconds ?? ""}
          onChange={(value) => onChange({ timeout_seconds: value === "" ? undefined : Number(value) }, "timeout")}
        />
      )}
      {RETRIED.has(step.type) && <RetryFields step={step} onChange={onChange} />}
      {children}
      {!isTrigger && (
        <div>
          <Button variant="default" size="xs" leftSection={<Trash2 size={14} />} onClick={onDelete}>
            Delete step
          </Button>
        </div>
      )}
    </Stack>
  );
}

type Change = (part: Record<string, unknown>, of: string) => void;

/** The id counts when it is left: connections follow it. */
function IdInput({ id, takenIds, onRename }: { id: string; takenIds: readonly string[]; onRename: (id: string) => void }) {
  const [text, setText] = useState(id);
  const isTaken = text !== id && takenIds.includes(text);
  const fault = isTaken
    ? "Another step has this id"
    : ID.test(text)
      ? null
      : "Letters, digits, _ and -, up to 64";
  return (
    <TextInput
      label="Id"
      description={`Expressions say steps.${id}`}
      value={text}
      error={fault}
      spellCheck={false}
      onChange={(event) => setText(event.currentTarget.value)}
      onBlur={() => {
        if (fault === null && text !== id) onRename(text);
      }}
      onKeyDown={(event) => {
        if (event.key === "Enter" && fault === null && text !== id) onRename(text);
      }}
    />
  );
}

function PlaceFields({ step, onChange }: { step: Step; onChange: Change }) {
  const mode = step.result?.mode ?? "";
  return (
    <div className="pair">
      <Select
        label="Its output"
        allowDeselect={false}
        data={PLACES.map((each) => (each.value === "" ? { ...each, label: `Only as steps.${step.id}.output` } : each))}
        value={mode}
        onChange={(value) => onChange({ result: value ? { ...step.result, mode: value } : undefined }, "result")}
      />
      {mode !== "" && (
        <Textarea
          label="At"
          description="Keys joined by dots; empty: the whole payload"
          rows={1}
          value={step.result?.at ?? ""}
          onChange={(event) =>
            onChange({ result: { mode, ...(event.currentTarget.value !== "" && { at: event.currentTarget.value }) } }, "at")
          }
        />
      )}
    </div>
  );
}

function RetryFields({ step, onChange }: { step: Step; onChange: Change }) {
  const retry = isObject(step.retry) ? step.retry : undefined;
  const set = (part: Record<string, unknown>) => onChange({ retry: { ...retry, ...part } }, "retry");
  const number = (name: string, fallback: number) => {
    const value = retry?.[name];
    return typeof value === "number" ? value : fallback;
  };
  const errors = retry?.errors;
  return (
    <div role="group" aria-label="Retry">
      <Checkbox
        label="Tried again when it fails"
        checked={retry !== undefined}
        onChange={(event) =>
          onChange({ retry: event.currentTarget.checked ? { max_attempts: 3, interval_seconds: 10 } : undefined }, "retry")
        }
      />
      {retry !== undefined && (
        <Stack gap="sm" className="nested-fields">
          <div className="pair">
            <NumberInput label="Attempts in all" min={1} max={100} allowDecimal={false} value={number("max_attempts", 3)} onChange={(value) => set({ max_attempts: Number(value) })} />
            <NumberInput label="First pause" description="Seconds" min={0} value={number("interval_seconds", 1)} onChange={(value) => set({ interval_seconds: Number(value) })} />
          </div>
          <div className="pair">
            <NumberInput label="Times longer each time" min={1} max={10} value={number("backoff_rate", 2)} onChange={(value) => set({ backoff_rate: Number(value) })} />
            <NumberInput label="Longest pause" description="Seconds" min={1} value={number("max_interval_seconds", 3600)} onChange={(value) => set({ max_interval_seconds: Number(value) })} />
          </div>
          <Checkbox label="Pauses of random lengths up to these" checked={retry.jitter === true} onChange={(event) => set({ jitter: event.currentTarget.checked })} />
          <TagsInput label="Only for" description="Timeout, Http.5xx, Function.ValueError, …; empty: any failure" value={Array.isArray(errors) ? errors.filter((each) => typeof each === "string") : []} onChange={(names) => set({ errors: names.length === 0 ? ["*"] : names })} />
        </Stack>
      )}
    </div>
  );
}
