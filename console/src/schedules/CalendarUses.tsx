import { ActionIcon, Button, Group, Select, Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Plus, X } from "lucide-react";
import type { CalendarUse } from "./draft";
import { CALENDAR_MODES } from "./policies";
import { calendarsQuery } from "./queries";

/** Business calendars, and what each does to the due times on its days. */
export function CalendarUses({ uses, onChange }: { uses: CalendarUse[]; onChange: (uses: CalendarUse[]) => void }) {
  const calendars = useQuery(calendarsQuery);
  const known = calendars.data ?? [];
  const free = known.find((each) => !uses.some((use) => use.calendar_id === each.id));
  const change = (index: number, part: Partial<CalendarUse>) =>
    onChange(uses.map((use, each) => (each === index ? { ...use, ...part } : use)));
  if (known.length === 0 && uses.length === 0) return null;
  return (
    <Stack gap="xs">
      {uses.map((use, index) => (
        <Group key={index} gap="xs" wrap="nowrap">
          <Select
            aria-label={`Calendar ${index + 1}`}
            allowDeselect={false}
            style={{ flex: 1 }}
            data={known.map((each) => ({ value: each.id, label: each.name }))}
            value={use.calendar_id}
            onChange={(value) => change(index, { calendar_id: value ?? use.calendar_id })}
          />
          <Select
            aria-label={`What calendar ${index + 1} does`}
            allowDeselect={false}
            style={{ flex: 1 }}
            data={CALENDAR_MODES}
            value={use.mode ?? "exclude"}
            onChange={(value) => change(index, { mode: (value ?? "exclude") as CalendarUse["mode"] })}
          />
          <ActionIcon
            variant="default"
            size={36}
            aria-label={`Remove calendar ${index + 1}`}
            onClick={() => onChange(uses.filter((_, each) => each !== index))}
          >
            <X size={16} />
          </ActionIcon>
        </Group>
      ))}
      {free !== undefined && (
        <div>
          <Button
            variant="subtle"
            size="xs"
            leftSection={<Plus size={15} />}
            onClick={() => onChange([...uses, { calendar_id: free.id, mode: "exclude" }])}
          >
            Use a calendar
          </Button>
        </div>
      )}
    </Stack>
  );
}
