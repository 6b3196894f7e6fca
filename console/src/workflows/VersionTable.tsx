import { Button, Table, VisuallyHidden } from "@mantine/core";
import { State, Time } from "../ui/parts";
import type { Listed } from "./queries";

/** All versions, the highest first. */
export function VersionTable({
  versions,
  shown,
  onShow,
  onCompare,
}: {
  versions: readonly Listed[];
  shown: number;
  onShow: (version: number) => void;
  onCompare: (version: number) => void;
}) {
  return (
    <section className="panel" aria-label="Versions">
      <div className="scroll">
        <Table highlightOnHover>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Version</Table.Th>
              <Table.Th>Status</Table.Th>
              <Table.Th>Name</Table.Th>
              <Table.Th>Changed</Table.Th>
              <Table.Th>By</Table.Th>
              <Table.Th>
                <VisuallyHidden>Actions</VisuallyHidden>
              </Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {versions.map((each) => (
              <Table.Tr key={each.workflow_version}>
                <Table.Td>{each.workflow_version}</Table.Td>
                <Table.Td>
                  <State state={each.workflow_status} />
                </Table.Td>
                <Table.Td>
                  <div className="cell-text" style={{ maxWidth: 260 }}>
                    {each.workflow_name}
                  </div>
                </Table.Td>
                <Table.Td style={{ whiteSpace: "nowrap" }}>
                  <Time at={new Date(each.modified_on).toISOString()} />
                </Table.Td>
                <Table.Td title={each.modified_by ?? each.created_by}>{each.modified_by_name ?? each.created_by_name}</Table.Td>
                <Table.Td>
                  <div className="row-actions">
                    <Button size="compact-sm" variant="default" aria-label={`Show version ${each.workflow_version}`} disabled={each.workflow_version === shown} onClick={() => onShow(each.workflow_version)}>
                      Show
                    </Button>
                    <Button size="compact-sm" variant="default" aria-label={`Compare version ${each.workflow_version}`} disabled={versions.length < 2} onClick={() => onCompare(each.workflow_version)}>
                      Compare
                    </Button>
                  </div>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </div>
    </section>
  );
}
