import { Table, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Plus, Search } from "lucide-react";
import { useState } from "react";
import { may } from "../api/rights";
import { jobsQuery, projectsQuery, useMe, type Job } from "../api/queries";
import { LinkButton } from "../ui/LinkButton";
import { Pager } from "../ui/Pager";
import { Answer, Empty, Page, Time } from "../ui/parts";

export function Jobs() {
  const me = useMe();
  const search = useSearch({ from: "/app/jobs" });
  const navigate = useNavigate({ from: "/jobs" });
  const [text, setText] = useState(search.filter ?? "");
  const look = useDebouncedCallback(
    (filter: string) =>
      void navigate({
        search: (old) => ({ ...old, filter: filter || undefined, page: undefined }),
        replace: true,
      }),
    250,
  );
  const jobs = useQuery(
    jobsQuery({
      offset: (search.page ?? 1) - 1,
      size: search.size ?? 25,
      filter: search.filter,
      project: search.project,
      sortby: "id",
      direction: "desc",
    }),
  );
  const mayMake = may(me, "jobs_write", search.project);
  const create = (
    <LinkButton to="/jobs/new" leftSection={<Plus size={16} />}>
      New job
    </LinkButton>
  );
  return (
    <Page title="Jobs" actions={mayMake ? create : undefined}>
      <section className="panel" aria-label="Jobs">
        <header>
          <TextInput
            aria-label="Search jobs by name"
            placeholder="Search by name"
            leftSection={<Search size={15} aria-hidden />}
            value={text}
            onChange={(event) => {
              setText(event.currentTarget.value);
              look(event.currentTarget.value);
            }}
            style={{ flex: "0 1 320px" }}
          />
        </header>
        <Answer query={jobs}>
          {(page) =>
            page.items.length === 0 && page.pageNumber === 0 ? (
              search.filter === undefined ? (
                <Empty title="No jobs yet" action={mayMake ? create : undefined}>
                  A job is a package of code and how it is run: which function, with which macros, how
                  often it is tried again. Runs are started here, by a script, or through the API.
                </Empty>
              ) : (
                <Empty title={`No job is called “${search.filter}”`}>
                  The search looks for the text anywhere in the names of the jobs that you may see.
                </Empty>
              )
            ) : (
              <>
                <JobTable jobs={page.items} />
                <Pager
                  page={page}
                  onPage={(to) => void navigate({ search: (old) => ({ ...old, page: to + 1 }) })}
                  onSize={(size) =>
                    void navigate({ search: (old) => ({ ...old, size, page: undefined }) })
                  }
                />
              </>
            )
          }
        </Answer>
      </section>
    </Page>
  );
}

function JobTable({ jobs }: { jobs: Job[] }) {
  const projects = useQuery(projectsQuery);
  const names = new Map(projects.data?.map((each) => [each.id, each.name]));
  return (
    <div className="scroll">
      <Table highlightOnHover>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Name</Table.Th>
            <Table.Th>Package</Table.Th>
            <Table.Th>Project</Table.Th>
            <Table.Th>Changed</Table.Th>
            <Table.Th>By</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {jobs.map((job) => (
            <Table.Tr key={job.id}>
              <Table.Td>
                <div className="cell-text">
                  <Link to="/jobs/$jobId" params={{ jobId: job.id }}>
                    {job.name}
                  </Link>{" "}
                  {!job.active && <span className="state idle">Inactive</span>}
                </div>
              </Table.Td>
              <Table.Td>
                <div className="cell-text mono">{job.runtimeConfig?.packageName ?? "–"}</div>
              </Table.Td>
              <Table.Td>
                <div className="cell-text" style={{ maxWidth: 260 }}>
                  {names.get(job.project) ?? ""}
                </div>
              </Table.Td>
              <Table.Td style={{ whiteSpace: "nowrap" }}>
                <Time at={job.lastModified} />
              </Table.Td>
              <Table.Td>
                <div className="cell-text" style={{ maxWidth: 160 }}>
                  {job.lastModifiedByUser.name}
                </div>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}
