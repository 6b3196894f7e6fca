import { Button, Table } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { useState } from "react";
import { may, type Me } from "../api/rights";
import { projectsQuery, useMe } from "../api/queries";
import { ProjectDialog } from "../access/ProjectDialog";
import { Answer, Empty, Page, Time } from "../ui/parts";

export function Projects() {
  const me = useMe();
  // The menu at the top keeps the list for a while; whoever looks at it here sees it as it is.
  const projects = useQuery({ ...projectsQuery, refetchOnMount: "always" });
  const [isMaking, setIsMaking] = useState(false);
  const create = (
    <Button leftSection={<Plus size={16} />} onClick={() => setIsMaking(true)}>
      New project
    </Button>
  );
  return (
    <Page title="Projects" actions={may(me, "project_create") ? create : undefined}>
      <section className="panel" aria-label="Projects">
        <Answer query={projects}>
          {(found) =>
            found.length === 0 ? (
              <Empty title="You see no project yet" action={may(me, "project_create") ? create : undefined}>
                A project is a folder of jobs with members of its own. Its owners let others in.
              </Empty>
            ) : (
              <div className="scroll">
                <Table highlightOnHover>
                  <Table.Thead>
                    <Table.Tr>
                      <Table.Th>Name</Table.Th>
                      <Table.Th>Description</Table.Th>
                      <Table.Th>Your role</Table.Th>
                      <Table.Th>Created</Table.Th>
                    </Table.Tr>
                  </Table.Thead>
                  <Table.Tbody>
                    {found.map((project) => (
                      <Table.Tr key={project.id}>
                        <Table.Td>
                          <div className="cell-text">
                            <Link to="/projects/$projectId" params={{ projectId: project.id }}>
                              {project.name}
                            </Link>
                          </div>
                        </Table.Td>
                        <Table.Td>
                          <div className="cell-text">{project.description}</div>
                        </Table.Td>
                        <Table.Td>{roleIn(me, project.id)}</Table.Td>
                        <Table.Td>
                          <Time at={project.created_at} />
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
      {isMaking && <ProjectDialog onClose={() => setIsMaking(false)} />}
    </Page>
  );
}

function roleIn(me: Me, projectId: string): string {
  const held = me.projects.find((each) => each.project_id === projectId);
  return held?.role ?? me.application_role ?? "";
}
