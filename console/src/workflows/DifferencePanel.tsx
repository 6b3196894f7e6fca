import { Group, Select, Table } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Answer, Empty, Panel } from "../ui/parts";
import { difference, isNothing, type Changed, type FieldChange } from "./difference";
import { versionQuery, type Listed, type Version } from "./queries";

/** Two versions side by side: what came, what went, and what says something else. */
export function DifferencePanel({
  versions,
  from,
  to,
  onChange,
}: {
  versions: readonly Listed[];
  from: number;
  to: number;
  onChange: (from: number, to: number) => void;
}) {
  const id = versions[0]?.workflow_id ?? "";
  const before = useQuery(versionQuery(id, from));
  const after = useQuery(versionQuery(id, to));
  const choices = versions.map((each) => ({
    value: String(each.workflow_version),
    label: `Version ${each.workflow_version}`,
  }));
  return (
    <Panel
      title="Difference"
      padded={false}
      actions={
        <Group gap="xs" wrap="nowrap">
          <Select aria-label="Before" size="xs" w={118} allowDeselect={false} data={choices} value={String(from)} onChange={(value) => onChange(Number(value), to)} />
          <span aria-hidden>→</span>
          <Select aria-label="After" size="xs" w={118} allowDeselect={false} data={choices} value={String(to)} onChange={(value) => onChange(from, Number(value))} />
        </Group>
      }
    >
      <Answer query={before}>
        {(one) => <Answer query={after}>{(other) => <Rows before={one} after={other} />}</Answer>}
      </Answer>
    </Panel>
  );
}

function Rows({ before, after }: { before: Version; after: Version }) {
  const found = difference(before, after);
  if (isNothing(found)) {
    return <Empty title="Both say the same">A version that is saved as it is differs in its number only.</Empty>;
  }
  return (
    <div className="scroll">
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>What</Table.Th>
            <Table.Th>Field</Table.Th>
            <Table.Th>Before</Table.Th>
            <Table.Th>After</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {found.steps.map((each) => (
            <ChangeRows key={`step ${each.name}`} what="Step" changed={each} />
          ))}
          {found.connections.map((each) => (
            <ChangeRows key={`connection ${each.name}`} what="Connection" changed={each} />
          ))}
          {found.rest.map((each) => (
            <FieldRow key={each.field} what="Workflow" change={each} />
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}

const MARKS = { added: "good", removed: "bad", changed: "busy" } as const;

function ChangeRows({ what, changed }: { what: string; changed: Changed }) {
  const name = (
    <>
      {what} <span className="mono">{changed.name}</span>{" "}
      <span className={`state ${MARKS[changed.kind]}`}>{changed.kind}</span>
    </>
  );
  if (changed.kind === "changed") {
    return changed.fields.map((each) => <FieldRow key={each.field} what={name} change={each} />);
  }
  const whole = { field: "", before: changed.value, after: undefined };
  return (
    <FieldRow
      what={name}
      change={changed.kind === "removed" ? whole : { ...whole, before: undefined, after: changed.value }}
    />
  );
}

function FieldRow({ what, change }: { what: React.ReactNode; change: FieldChange }) {
  return (
    <Table.Tr>
      <Table.Td>{what}</Table.Td>
      <Table.Td className="mono">{change.field}</Table.Td>
      <Table.Td>
        <pre className="result diff gone" tabIndex={0}>{text(change.before)}</pre>
      </Table.Td>
      <Table.Td>
        <pre className="result diff come" tabIndex={0}>{text(change.after)}</pre>
      </Table.Td>
    </Table.Tr>
  );
}

function text(value: unknown): string {
  if (value === undefined || value === null) return "–";
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}
