import { Button, Table } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { useState } from "react";
import { may } from "../api/rights";
import { projectsQuery, useMe } from "../api/queries";
import { EntityDialog } from "../schedules/EntityDialog";
import { entitiesQuery } from "../schedules/queries";
import { Answer, Empty, Page, Time } from "../ui/parts";

export function Entities() {
  const me = useMe();
  const { project } = useSearch({ from: "/app" });
  const [isNew, setIsNew] = useState(false);
  const entities = useQuery(entitiesQuery(project));
  const projects = useQuery({ ...projectsQuery, enabled: may(me, "project_read") });
  const mayWrite = may(me, "entities_write", project);
  const create = (
    <Button leftSection={<Plus size={16} />} onClick={() => setIsNew(true)}>
      New entity
    </Button>
  );
  return (
    <Page
      title="Entities"
      about={<span className="crumbs">Data of yours with dates, by which schedules can go.</span>}
      actions={mayWrite ? create : undefined}
    >
      <section className="panel" aria-label="Entities">
        <Answer query={entities}>
          {(found) =>
            found.length === 0 ? (
              <Empty title="No entities yet" action={mayWrite ? create : undefined}>
                A schedule can be due seven days before a contract renews: an entity says what contracts
                look like and which of their fields are dates, its records are the contracts.
              </Empty>
            ) : (
              <div className="scroll">
                <Table highlightOnHover>
                  <Table.Thead>
                    <Table.Tr>
                      <Table.Th>Entity</Table.Th>
                      <Table.Th>Date fields</Table.Th>
                      <Table.Th>Project</Table.Th>
                      <Table.Th>Changed</Table.Th>
                    </Table.Tr>
                  </Table.Thead>
                  <Table.Tbody>
                    {found.map((entity) => (
                      <Table.Tr key={entity.id}>
                        <Table.Td>
                          <div className="cell-text">
                            <Link to="/entities/$entityId" params={{ entityId: entity.id }}>
                              {entity.name}
                            </Link>
                          </div>
                          <div className="crumbs cell-text" style={{ margin: 0 }}>
                            {entity.description}
                          </div>
                        </Table.Td>
                        <Table.Td className="mono">{entity.date_fields.join(", ")}</Table.Td>
                        <Table.Td>
                          <div className="cell-text" style={{ maxWidth: 200 }}>
                            {projects.data?.find((each) => each.id === entity.project_id)?.name}
                          </div>
                        </Table.Td>
                        <Table.Td style={{ whiteSpace: "nowrap" }}>
                          <Time at={entity.updated_at} />
                        </Table.Td>
                      </Table.Tr>
                    ))}
                  </Table.Tbody>
                </Table>
              </div>
            )
          }
        </Answer>
      </section>
      {isNew && <EntityDialog project={project} onClose={() => setIsNew(false)} />}
    </Page>
  );
}
