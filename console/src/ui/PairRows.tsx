import { ActionIcon, Button, Group, Stack, TextInput } from "@mantine/core";
import { Plus, X } from "lucide-react";

export interface Pair {
  name: string;
  value: string;
}

/** Names with values, such as macros or headers, one a row. */
export function PairRows({
  what,
  pairs,
  onChange,
}: {
  what: string;
  pairs: Pair[];
  onChange: (pairs: Pair[]) => void;
}) {
  const change = (index: number, part: Partial<Pair>) =>
    onChange(pairs.map((pair, each) => (each === index ? { ...pair, ...part } : pair)));
  return (
    <Stack gap="xs">
      {pairs.map((pair, index) => (
        <Group key={index} wrap="nowrap" gap="xs">
          <TextInput
            aria-label={`Name of ${what} ${index + 1}`}
            placeholder="Name"
            value={pair.name}
            onChange={(event) => change(index, { name: event.currentTarget.value })}
          />
          <TextInput
            aria-label={`Value of ${what} ${index + 1}`}
            placeholder="Value"
            style={{ flex: 1 }}
            value={pair.value}
            onChange={(event) => change(index, { value: event.currentTarget.value })}
          />
          <ActionIcon
            variant="default"
            size={36}
            aria-label={`Remove ${what} ${index + 1}`}
            onClick={() => onChange(pairs.filter((_, each) => each !== index))}
          >
            <X size={16} />
          </ActionIcon>
        </Group>
      ))}
      <div>
        <Button
          variant="subtle"
          size="xs"
          leftSection={<Plus size={15} />}
          onClick={() => onChange([...pairs, { name: "", value: "" }])}
        >
          {`Add ${what}`}
        </Button>
      </div>
    </Stack>
  );
}
