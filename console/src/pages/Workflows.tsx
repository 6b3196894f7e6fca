import { Button, Select, Table, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Plus, Search } from "lucide-react";
import { useState } from "react";
import { may } from "../api/rights";
import { projectsQuery, useMe } from "../api/queries";
import { LinkButton } from "../ui/LinkButton";
import { Answer, CopyButton, Empty, Page, State, Time } from "../ui/parts";
import { workflowsQuery, type Listed, type VersionStatus } from "../workflows/queries";

const STATUSES: { value: VersionStatus; label: string }[] = [
  { value: "ACTIVE", label: "Active" },
  { value: "DRAFT", label: "Draft" },
  { value: "PAUSED", label: "Paused" },
  { value: "ARCHIVED", label: "Archived" },
];

export function Workflows() {
  const me = useMe();
  const search = useSearch({ from: "/app/workflows" });
  const navigate = useNavigate({ from: "/workflows" });
  const [text, setText] = useState(search.filter ?? "");
  const go = (part: Partial<typeof search>, replace = false) =>
    void navigate({ search: (old) => ({ ...old, ...part }), replace });
  const look = useDebouncedCallback((filter: string) => go({ filter: filter || undefined }, true), 250);
  const status = STATUSES.find((each) => each.value === search.state)?.value;
  const workflows = useInfiniteQuery(workflowsQuery({ search: search.filter, project: search.project, status }));
  const mayWrite = may(me, "workflows_write");
  const create = (
    <LinkButton to="/workflows/new" leftSection={<Plus size={16} />}>
      New workflow
    </LinkButton>
  );
  return (
    <Page title="Workflows" actions={mayWrite && create}>
      <section className="panel" aria-label="Workflows">
        <header>
          <TextInput
            aria-label="Search workflows by name"
            placeholder="Search by name"
            leftSection={<Search size={15} aria-hidden />}
            value={text}
            onChange={(event) => {
              setText(event.currentTarget.value);
              look(event.currentTarget.value);
            }}
            style={{ flex: "0 1 240px" }}
          />
          <Select
            aria-label="Status"
            placeholder="The latest versions"
            clearable
            clearButtonProps={{ "aria-label": "The latest versions" }}
            data={STATUSES}
            value={status ?? null}
            onChange={(value) => go({ state: value ?? undefined })}
            style={{ flex: "0 1 190px" }}
          />
        </header>
        <Answer query={workflows}>
          {(found) => {
            const rows = found.pages.flatMap((page) => page.items);
            if (rows.length === 0) {
              return search.filter !== undefined || status !== undefined ? (
                <Empty title="No workflow is like this">Take a filter away to see more.</Empty>
              ) : (
                <NoWorkflows action={mayWrite ? create : undefined} />
              );
            }
            return (
              <>
                <WorkflowTable rows={rows} />
                {workflows.hasNextPage && (
                  <div className="foot" style={{ justifyContent: "center" }}>
                    <Button variant="default" loading={workflows.isFetchingNextPage} onClick={() => void workflows.fetchNextPage()}>
                      Show more
                    </Button>
                  </div>
                )}
              </>
            );
          }}
        </Answer>
      </section>
    </Page>
  );
}

function NoWorkflows({ action }: { action: React.ReactNode }) {
  const command = `curl ${location.origin}/v1/workflows -H "X-Api-Key: …" -d '{"workflow_name": "Hello", "workflow_steps": [{"id": "start", "type": "request"}], "workflow_connections": []}'`;
  return (
    <>
      <Empty title="No workflows yet" action={action}>
        A workflow is steps, and connections from one to the next: calls of other systems, jobs, conditions,
        waits for an answer. An execution of it may take months and survives any restart. Programs make them too:
      </Empty>
      <div className="command">
        <pre className="result">{command}</pre>
        <CopyButton text={command} what="command" />
      </div>
    </>
  );
}

function WorkflowTable({ rows }: { rows: Listed[] }) {
  const me = useMe();
  const projects = useQuery({ ...projectsQuery, enabled: may(me, "project_read") });
  const names = new Map(projects.data?.map((project) => [project.id, project.name]));
  return (
    <div className="scroll">
      <Table highlightOnHover>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Workflow</Table.Th>
            <Table.Th>In force</Table.Th>
            <Table.Th>Version</Table.Th>
            <Table.Th>Started by</Table.Th>
            <Table.Th>Project</Table.Th>
            <Table.Th>Changed</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((each) => (
            <Table.Tr key={`${each.workflow_id} ${each.workflow_version}`}>
              <Table.Td>
                <div className="cell-text" style={{ maxWidth: 320 }}>
                  <Link to="/workflows/$workflowId" params={{ workflowId: each.workflow_id }} title={each.workflow_name}>
                    {each.workflow_name}
                  </Link>
                </div>
              </Table.Td>
              <Table.Td style={{ whiteSpace: "nowrap" }}>
                {each.active_version === null ? "None" : `Version ${each.active_version}`}
              </Table.Td>
              <Table.Td style={{ whiteSpace: "nowrap" }}>
                {each.workflow_version} <State state={each.workflow_status} />
              </Table.Td>
              <Table.Td>{each.workflow_trigger_type === "SCHEDULE" ? "A schedule" : "A request"}</Table.Td>
              <Table.Td>
                <div className="cell-text" style={{ maxWidth: 180 }}>
                  {names.get(each.workspace_id) ?? "a project"}
                </div>
              </Table.Td>
              <Table.Td style={{ whiteSpace: "nowrap" }}>
                <Time at={new Date(each.modified_on).toISOString()} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}
