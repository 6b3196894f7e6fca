import { Button, Menu, Text } from "@mantine/core";
import { Plus } from "lucide-react";
import type { StepType } from "./queries";
import { StepIcon } from "./StepIcon";

/** Adds a step of a type, after the chosen one. */
export function AddStep({
  label,
  variant,
  types,
  after,
  onAdd,
}: {
  label: string;
  variant?: "default";
  types: readonly StepType[];
  after: string | null;
  onAdd: (type: StepType) => void;
}) {
  return (
    <Menu position="bottom-start" width={320} withinPortal={false} withInitialFocusPlaceholder={false}>
      <Menu.Target>
        <Button size="xs" variant={variant} leftSection={<Plus size={15} />}>
          {label}
        </Button>
      </Menu.Target>
      <Menu.Dropdown mah="60vh" className="scroll-down">
        <Menu.Label>{after === null ? "Not connected yet" : `After ${after}`}</Menu.Label>
        {types
          .filter((type) => !type.is_trigger)
          .map((type) => (
            <Menu.Item key={type.type} leftSection={<StepIcon type={type.type} size={16} />} onClick={() => onAdd(type)}>
              {type.title}
              <Text size="xs">
                {type.description}
              </Text>
            </Menu.Item>
          ))}
      </Menu.Dropdown>
    </Menu>
  );
}
