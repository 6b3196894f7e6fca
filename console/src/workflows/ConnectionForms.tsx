import { Button, Checkbox, Group, Input, Select, Stack, TagsInput, Textarea, TextInput } from "@mantine/core";
import { ArrowRight, Trash2 } from "lucide-react";
import { conditionText, nameOf, type Connection, type Step } from "./definition";

/** When a connection is taken, and where it leads. */
export function ConnectionForm({
  connection,
  steps,
  onChange,
  onDelete,
}: {
  connection: Connection;
  steps: readonly Step[];
  /** `of` names the field that is typed into. */
  onChange: (part: Record<string, unknown>, of: string) => void;
  onDelete: () => void;
}) {
  const source = steps.find((step) => step.id === connection.from);
  const isError = connection.on === "error";
  const canFail = source !== undefined && !["request", "schedule", "join"].includes(source.type);
  return (
    <Stack gap="sm">
      <div className="pair">
        <Select label="From" allowDeselect={false} data={choices(steps)} value={connection.from} onChange={(value) => onChange({ from: value ?? connection.from }, "from")} />
        <Select label="To" allowDeselect={false} data={choices(steps)} value={connection.to} onChange={(value) => onChange({ to: value ?? connection.to }, "to")} />
      </div>
      {canFail && (
        <Checkbox
          label="When the step fails"
          checked={isError}
          onChange={(event) =>
            onChange(
              event.currentTarget.checked
                ? { on: "error", label: undefined, when: undefined }
                : { on: undefined, errors: undefined, label: source.type === "condition" ? "yes" : undefined },
              "on",
            )
          }
        />
      )}
      {isError && (
        <TagsInput label="Only for" description="Timeout, Http.404, Http.5xx, Function.ValueError, …; empty: any failure" value={connection.errors ?? []} onChange={(errors) => onChange({ errors: errors.length === 0 ? undefined : errors }, "errors")} />
      )}
      {!isError && source?.type === "condition" && (
        <Select label="When the condition is" allowDeselect={false} data={["yes", "no"]} value={connection.label ?? null} onChange={(value) => onChange({ label: value ?? undefined }, "label")} />
      )}
      {!isError && source?.type === "branch" && (
        <TextInput label="When the value is" description="Empty: any other value" maxLength={200} value={connection.label ?? ""} onChange={(event) => onChange({ label: event.currentTarget.value || undefined }, "label")} />
      )}
      {!isError && source?.type !== "condition" && source?.type !== "branch" && (
        <Textarea label="When" description="An expression; the first that holds wins. Empty: always, or if none holds" autosize spellCheck={false} value={connection.when ?? ""} onChange={(event) => onChange({ when: event.currentTarget.value || undefined }, "when")} />
      )}
      <div>
        <Button variant="default" size="xs" leftSection={<Trash2 size={14} />} onClick={onDelete}>
          Delete connection
        </Button>
      </div>
    </Stack>
  );
}

/** Where a step goes on to; further connections are made here without a mouse. */
export function WaysOn({
  step,
  steps,
  connections,
  onConnect,
  onSelect,
}: {
  step: Step;
  steps: readonly Step[];
  connections: readonly (Connection | null)[];
  onConnect: (to: string) => void;
  onSelect: (index: number) => void;
}) {
  const ways = connections.flatMap((way, index) => (way?.from === step.id ? [{ way, index }] : []));
  const names = new Map(steps.map((each) => [each.id, nameOf(each)]));
  if (step.type === "terminate") return null;
  return (
    <div role="group" aria-label="Goes on to">
      <Input.Label component="div">Goes on to</Input.Label>
      {ways.length === 0 && <p className="crumbs">Nothing: it ends here.</p>}
      <Group gap="xs" mb="xs">
        {ways.map(({ way, index }) => (
          <Button key={index} size="compact-sm" variant="default" leftSection={<ArrowRight size={14} />} onClick={() => onSelect(index)}>
            {[names.get(way.to) ?? way.to, conditionText(way)].filter(Boolean).join(": ")}
          </Button>
        ))}
      </Group>
      <Select
        aria-label="Connect to"
        placeholder="Connect to a step"
        searchable
        data={choices(steps.filter((each) => each.id !== step.id && !["request", "schedule"].includes(each.type)))}
        value={null}
        onChange={(to) => {
          if (to !== null) onConnect(to);
        }}
      />
    </div>
  );
}

function choices(steps: readonly Step[]) {
  return steps.map((step) => ({
    value: step.id,
    label: nameOf(step) === step.id ? step.id : `${nameOf(step)} (${step.id})`,
  }));
}
