import { NumberInput, Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { JsonInput } from "../ui/JsonInput";
import { plural } from "../ui/words";
import type { Draft } from "./draft";
import { entitiesQuery } from "./queries";

/** Which records make it due, and how many days before or after their date. */
export function RelativeFields({
  draft,
  fault,
  onChange,
}: {
  draft: Draft;
  fault: string | null;
  onChange: (part: Partial<Draft>) => void;
}) {
  const entities = useQuery(entitiesQuery());
  const chosen = entities.data?.find((each) => each.id === draft.entity);
  const days = Math.abs(draft.offsetDays);
  return (
    <>
      <div className="pair">
        <Select
          label="Entity"
          description="Whose records"
          required
          searchable
          data={entities.data?.map((each) => ({ value: each.id, label: each.name })) ?? []}
          value={draft.entity}
          onChange={(entity) => onChange({ entity, field: "" })}
        />
        <Select
          label="Date field"
          description="One of its dates"
          required
          data={chosen?.date_fields ?? (draft.field === "" ? [] : [draft.field])}
          value={draft.field === "" ? null : draft.field}
          onChange={(field) => onChange({ field: field ?? "" })}
        />
      </div>
      <NumberInput
        label="Days from that date"
        description={
          draft.offsetDays === 0
            ? "On the day itself"
            : `${plural(days, "day")} ${draft.offsetDays < 0 ? "before" : "after"}; negative: before`
        }
        min={-36500}
        max={36500}
        allowDecimal={false}
        value={draft.offsetDays}
        onChange={(value) => onChange({ offsetDays: Number(value) })}
      />
      <JsonInput
        label="Only records like"
        description="Conditions on their fields; empty: all of them"
        placeholder='{"state": "open", "amount": {"gte": 100}}'
        minRows={2}
        value={draft.filter}
        fault={fault}
        onChange={(filter) => onChange({ filter })}
      />
    </>
  );
}
