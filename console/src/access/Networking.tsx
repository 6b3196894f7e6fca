import { ActionIcon, Button, Group, Table, TextInput, VisuallyHidden } from "@mantine/core";
import { Plus, X } from "lucide-react";
import { useMe } from "../api/queries";
import { Empty } from "../ui/parts";
import { toast } from "../ui/toasts";
import { isIpv4 } from "../ui/words";
import { faultsOf, freeName, type RuleDraft } from "./rules";

/** The Networking tab: from which addresses a key may be used. */
export function Networking({
  rules,
  onChange,
  showFaults,
}: {
  rules: RuleDraft[];
  onChange: (rules: RuleDraft[]) => void;
  showFaults: boolean;
}) {
  const me = useMe();
  const nextId = Math.max(0, ...rules.map((rule) => rule.id)) + 1;
  const address = me.client_address;
  const change = (id: number, part: Partial<RuleDraft>) =>
    onChange(rules.map((rule) => (rule.id === id ? { ...rule, ...part } : rule)));
  const addOwn = () => {
    if (!isIpv4(address)) {
      toast(`Your address ${address} is not an IPv4 address; a key with rules refuses it.`, true);
      return;
    }
    if (rules.some((rule) => rule.start === address && rule.end === address)) return;
    onChange([
      ...rules,
      { id: nextId, name: freeName(`Client ${address}`, rules), start: address, end: address },
    ]);
  };
  return (
    <>
      <Group p="md" gap="xs">
        <Button variant="default" onClick={addOwn}>
          Add client IPv4
        </Button>
        <Button
          variant="default"
          leftSection={<Plus size={15} />}
          onClick={() => onChange([...rules, { id: nextId, name: "", start: "", end: "" }])}
        >
          Add a firewall rule
        </Button>
        <span className="crumbs" style={{ margin: 0 }}>
          Your address is {address}
        </span>
      </Group>
      {rules.length === 0 ? (
        <Empty title="No firewall rules: the key may be used from any address">
          With one rule or more, a caller must be inside one of the ranges, both ends included.
        </Empty>
      ) : (
        <div className="scroll">
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Rule Name</Table.Th>
                <Table.Th>Start IPv4 Address</Table.Th>
                <Table.Th>End IPv4 Address</Table.Th>
                <Table.Th>
                <VisuallyHidden>Actions</VisuallyHidden>
              </Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {rules.map((rule, index) => {
                const faults = showFaults ? faultsOf(rule, rules) : {};
                const of = `of rule ${index + 1}`;
                return (
                  <Table.Tr key={rule.id} style={{ verticalAlign: "top" }}>
                    <Table.Td miw={170}>
                      <TextInput
                        aria-label={`Rule Name ${of}`}
                        maxLength={100}
                        value={rule.name}
                        error={faults.name}
                        onChange={(event) => change(rule.id, { name: event.currentTarget.value })}
                      />
                    </Table.Td>
                    <Table.Td miw={150}>
                      <TextInput
                        aria-label={`Start IPv4 Address ${of}`}
                        value={rule.start}
                        error={faults.start}
                        onChange={(event) => change(rule.id, { start: event.currentTarget.value })}
                      />
                    </Table.Td>
                    <Table.Td miw={150}>
                      <TextInput
                        aria-label={`End IPv4 Address ${of}`}
                        value={rule.end}
                        error={faults.end}
                        onChange={(event) => change(rule.id, { end: event.currentTarget.value })}
                      />
                    </Table.Td>
                    <Table.Td>
                      <ActionIcon
                        variant="default"
                        size={36}
                        aria-label={`Remove rule ${index + 1}`}
                        onClick={() => onChange(rules.filter((each) => each.id !== rule.id))}
                      >
                        <X size={16} />
                      </ActionIcon>
                    </Table.Td>
                  </Table.Tr>
                );
              })}
            </Table.Tbody>
          </Table>
        </div>
      )}
    </>
  );
}
