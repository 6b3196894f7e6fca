import { Textarea } from "@mantine/core";

/** A field for JSON; what is wrong with it is said below it while one types. */
export function JsonInput({
  label,
  description,
  placeholder,
  value,
  onChange,
  fault,
  minRows = 3,
  disabled = false,
}: {
  label: string;
  description?: string;
  placeholder?: string;
  value: string;
  onChange: (value: string) => void;
  fault: string | null;
  minRows?: number;
  disabled?: boolean;
}) {
  return (
    <Textarea
      label={label}
      description={description}
      placeholder={placeholder}
      autosize
      minRows={minRows}
      maxRows={18}
      spellCheck={false}
      disabled={disabled}
      error={fault}
      styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}
