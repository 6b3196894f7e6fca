import { Select, Textarea, TextInput } from "@mantine/core";
import { faultOf } from "../schedules/draft";
import { JsonInput } from "../ui/JsonInput";
import type { Field } from "./form";

type Texts = Record<string, string>;

const BOOLEANS = [
  { value: "true", label: "Yes" },
  { value: "false", label: "No" },
];
const INPUT_TYPES: Readonly<Record<string, string>> = {
  number: "number",
  integer: "number",
  date: "date",
  email: "email",
};

/** A control for each field of a form. */
export function AnswerFields({
  fields,
  texts,
  onChange,
}: {
  fields: Field[];
  texts: Texts;
  onChange: (texts: Texts) => void;
}) {
  return fields.map((field) => (
    <Control
      key={field.name}
      field={field}
      value={texts[field.name] ?? ""}
      onChange={(value) => onChange({ ...texts, [field.name]: value })}
    />
  ));
}

function Control({ field, value, onChange }: { field: Field; value: string; onChange: (value: string) => void }) {
  const common = { label: field.label, description: field.description ?? undefined, required: field.isRequired };
  if (field.kind === "boolean" || field.kind === "choice") {
    return (
      <Select
        {...common}
        placeholder="Choose"
        data={field.kind === "boolean" ? BOOLEANS : field.options}
        clearable={!field.isRequired}
        clearButtonProps={{ "aria-label": `No ${field.label}` }}
        value={value === "" ? null : value}
        onChange={(chosen) => onChange(chosen ?? "")}
      />
    );
  }
  if (field.kind === "json") {
    const fault = value.trim() === "" ? null : faultOf(() => JSON.parse(value));
    return <JsonInput label={common.label} description={common.description ?? "JSON"} value={value} fault={fault} onChange={onChange} />;
  }
  if (field.kind === "long") {
    return <Textarea {...common} autosize minRows={3} value={value} onChange={(event) => onChange(event.currentTarget.value)} />;
  }
  return (
    <TextInput
      {...common}
      type={INPUT_TYPES[field.kind] ?? "text"}
      step={field.kind === "integer" ? 1 : field.kind === "number" ? "any" : undefined}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}
