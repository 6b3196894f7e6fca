import { Table } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Answer, Panel, Time } from "../ui/parts";
import { versionsQuery, type Schedule } from "./queries";

/** What was said of it, by whom, and what each version changed. */
export function Versions({ schedule }: { schedule: Schedule }) {
  const versions = useQuery(versionsQuery(schedule.id, schedule.version));
  return (
    <Answer query={versions}>
      {(found) =>
        found.items.map((version) => (
          <Panel
            key={version.version}
            title={`Version ${version.version}`}
            padded={version.changes.length === 0}
            actions={
              <span className="crumbs" style={{ margin: 0 }}>
                <Time at={version.created_at} /> by {version.created_by_name}
              </span>
            }
          >
            {version.changes.length === 0 ? (
              <span className="crumbs">
                {version.version === 1 ? "It was made." : "Only what is never shown was different: a secret."}
              </span>
            ) : (
              <div className="scroll">
                <Table>
                  <Table.Thead>
                    <Table.Tr>
                      <Table.Th>Field</Table.Th>
                      <Table.Th>Before</Table.Th>
                      <Table.Th>After</Table.Th>
                    </Table.Tr>
                  </Table.Thead>
                  <Table.Tbody>
                    {version.changes.map((change) => (
                      <Table.Tr key={change.field}>
                        <Table.Td className="mono">{change.field}</Table.Td>
                        <Table.Td>
                          <pre className="result diff gone" tabIndex={0}>{text(change.before)}</pre>
                        </Table.Td>
                        <Table.Td>
                          <pre className="result diff come" tabIndex={0}>{text(change.after)}</pre>
                        </Table.Td>
                      </Table.Tr>
                    ))}
                  </Table.Tbody>
                </Table>
              </div>
            )}
          </Panel>
        ))
      }
    </Answer>
  );
}

function text(value: unknown): string {
  if (value === null || value === undefined) return "–";
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}
