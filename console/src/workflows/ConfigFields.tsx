import { Checkbox, Input, NumberInput, Select, Stack, TagsInput, Textarea, TextInput } from "@mantine/core";
import { PairRows, type Pair } from "../ui/PairRows";
import { isObject } from "./definition";
import { without } from "./document";
import { numberOrText, type FormField } from "./fields";
import { JsonField } from "./JsonField";
import { IntegrationChoice, JobChoice, WorkflowChoice } from "./Choices";

type Config = Record<string, unknown>;

/** A form for a config, made of the fields of its schema. */
export function ConfigFields({
  at,
  fields,
  config,
  project,
  onChange,
}: {
  /** Names the config in the whole document. */
  at: string;
  fields: readonly FormField[];
  config: Config;
  project: string;
  onChange: (config: Config) => void;
}) {
  return (
    <Stack gap="sm">
      {fields.map((field) => (
        <Field
          key={`${at}.${field.name}`}
          at={`${at}.${field.name}`}
          field={field}
          value={config[field.name]}
          project={project}
          onChange={(value) => onChange(without({ ...config, [field.name]: value }))}
        />
      ))}
    </Stack>
  );
}

interface FieldProps {
  at: string;
  field: FormField;
  value: unknown;
  project: string;
  onChange: (value: unknown) => void;
}

function Field({ at, field, value, project, onChange }: FieldProps) {
  const said = {
    label: field.label,
    description: field.description === "" ? undefined : field.description,
    required: field.isRequired,
  };
  const onText = (text: string) => onChange(text === "" && !field.isRequired ? undefined : text);
  const shown = typeof value === "string" ? value : "";
  switch (field.kind) {
    case "choice":
      return (
        <Select
          {...said}
          data={field.options}
          clearable={!field.isRequired && field.fallback === undefined}
          allowDeselect={false}
          value={typeof value === "string" ? value : typeof field.fallback === "string" ? field.fallback : null}
          onChange={(chosen) => onChange(chosen ?? undefined)}
        />
      );
    case "flag":
      return (
        <Checkbox
          label={field.label}
          description={said.description}
          checked={typeof value === "boolean" ? value : field.fallback === true}
          onChange={(event) => onChange(event.currentTarget.checked)}
        />
      );
    case "number":
      return (
        <NumberInput
          {...said}
          allowDecimal={!field.isWhole}
          min={field.min}
          max={field.max}
          placeholder={typeof field.fallback === "number" ? String(field.fallback) : undefined}
          value={typeof value === "number" ? value : ""}
          onChange={(typed) => onChange(typed === "" ? undefined : Number(typed))}
        />
      );
    case "number or text":
      return (
        <TextInput
          {...said}
          value={typeof value === "number" ? String(value) : shown}
          onChange={(event) => onChange(numberOrText(event.currentTarget.value))}
        />
      );
    case "texts":
      return (
        <TagsInput
          {...said}
          placeholder="Enter after each"
          value={Array.isArray(value) ? value.filter((each) => typeof each === "string") : []}
          onChange={(texts) => onChange(texts.length === 0 ? undefined : texts)}
        />
      );
    case "pairs":
      return <Pairs field={field} value={value} onChange={onChange} />;
    case "group":
      return <Group at={at} field={field} value={value} project={project} onChange={onChange} />;
    case "json":
      return <JsonField at={at} label={field.label} description={said.description} value={value} onChange={onChange} />;
    case "job":
      return <JobChoice {...said} project={project} value={shown || null} onChange={onChange} />;
    case "workflow":
      return <WorkflowChoice {...said} project={project} value={shown || null} onChange={(id) => onChange(id ?? (field.isRequired ? "" : undefined))} />;
    case "integration":
      return <IntegrationChoice {...said} project={project} value={shown} onChange={(name) => onText(name)} />;
    case "text":
      return (
        <TextInput
          {...said}
          placeholder={typeof field.fallback === "string" ? field.fallback : undefined}
          value={shown}
          onChange={(event) => onText(event.currentTarget.value)}
        />
      );
    default:
      return (
        <Textarea
          {...said}
          description={field.kind === "expression" ? `An expression. ${field.description}` : said.description}
          autosize
          minRows={field.kind === "code" ? 6 : 1}
          maxRows={24}
          spellCheck={false}
          styles={MONO}
          value={shown}
          onChange={(event) => onText(event.currentTarget.value)}
        />
      );
  }
}

const MONO = { input: { fontFamily: "var(--mantine-font-family-monospace)", fontSize: 13 } };

/** Names with texts. A name that is typed twice counts once. */
function Pairs({ field, value, onChange }: Pick<FieldProps, "field" | "value" | "onChange">) {
  const pairs: Pair[] = Object.entries(isObject(value) ? value : {}).map(([name, text]) => ({
    name,
    value: String(text),
  }));
  const what = field.label.toLowerCase().replace(/s$/, "");
  return (
    <div role="group" aria-label={field.label}>
      <Input.Label component="div">{field.label}</Input.Label>
      <PairRows
        what={what}
        pairs={pairs}
        onChange={(changed) =>
          onChange(
            changed.length === 0
              ? undefined
              : Object.fromEntries(changed.map((pair) => [pair.name, pair.value])),
          )
        }
      />
    </div>
  );
}

function Group({ at, field, value, project, onChange }: FieldProps) {
  const isThere = isObject(value);
  const first = Object.fromEntries(
    field.fields.filter((each) => each.isRequired).map((each) => [each.name, each.options[0] ?? ""]),
  );
  return (
    <div role="group" aria-label={field.label}>
      <Checkbox
        label={field.label}
        description={field.description}
        checked={isThere}
        onChange={(event) => onChange(event.currentTarget.checked ? first : undefined)}
      />
      {isThere && (
        <div className="nested-fields">
          <ConfigFields at={at} fields={field.fields} config={value} project={project} onChange={onChange} />
        </div>
      )}
    </div>
  );
}
