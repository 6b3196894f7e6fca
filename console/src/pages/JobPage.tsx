import { Button, Menu, Tabs } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { CalendarClock, Copy, Ellipsis, Play, Trash2 } from "lucide-react";
import { useState } from "react";
import { api, good } from "../api/client";
import { may } from "../api/rights";
import { jobQuery, queryClient, runsQuery, useMe, type Job } from "../api/queries";
import { PackagePanel } from "../jobs/PackagePanel";
import { MacrosPanel } from "../jobs/MacrosPanel";
import { RunDialog } from "../jobs/RunDialog";
import { SettingsPanel } from "../jobs/SettingsPanel";
import { Confirm } from "../ui/Confirm";
import { DurationChart } from "../ui/DurationChart";
import { LinkButton } from "../ui/LinkButton";
import { Pager } from "../ui/Pager";
import { Answer, Empty, Page, Panel } from "../ui/parts";
import { RunTable } from "../ui/RunTable";
import { toast, toastError } from "../ui/toasts";

const TABS = ["runs", "package", "macros", "settings"];

export function JobPage() {
  const { jobId } = useParams({ from: "/app/jobs/$jobId" });
  const job = useQuery(jobQuery(jobId));
  if (job.data === undefined) {
    return (
      <Page title="Job" crumbs={[{ label: "Jobs", link: { to: "/jobs" } }]}>
        <Answer query={job}>{() => null}</Answer>
      </Page>
    );
  }
  return <JobContent job={job.data} />;
}

function JobContent({ job }: { job: Job }) {
  const me = useMe();
  const { tab } = useSearch({ from: "/app/jobs/$jobId" });
  const navigate = useNavigate({ from: "/jobs/$jobId" });
  const [isRunning, setIsRunning] = useState(false);
  const mayRun = may(me, "jobs_run", job.project);
  const mayWrite = may(me, "jobs_write", job.project);
  const mayLook = may(me, "history_read", job.project);
  const shown = TABS.includes(tab ?? "") ? tab : mayLook ? "runs" : "package";
  const isReady = job.runtimeConfig?.packageName != null;
  return (
    <Page
      title={job.name}
      crumbs={[{ label: "Jobs", link: { to: "/jobs" } }]}
      about={
        <>
          {!job.active && <span className="state idle">Inactive</span>}{" "}
          <span className="crumbs">{job.description}</span>
        </>
      }
      actions={
        <>
          {mayRun && (
            <Button
              leftSection={<Play size={15} />}
              disabled={!job.active || !isReady}
              title={
                !isReady
                  ? "Upload a package first"
                  : job.active
                    ? undefined
                    : "The job is not active: see its settings"
              }
              onClick={() => setIsRunning(true)}
            >
              Run
            </Button>
          )}
          {may(me, "schedules_write", job.project) && (
            <LinkButton
              to="/schedules/new"
              search={{ job: job.id }}
              variant="default"
              leftSection={<CalendarClock size={15} />}
            >
              Schedule
            </LinkButton>
          )}
          {mayWrite && <JobMenu job={job} />}
        </>
      }
    >
      <Tabs
        value={shown ?? "package"}
        onChange={(value) => void navigate({ search: (old) => ({ ...old, tab: value ?? undefined, page: undefined }) })}
        keepMounted={false}
      >
        <Tabs.List mb="md">
          {mayLook && <Tabs.Tab value="runs">Runs</Tabs.Tab>}
          <Tabs.Tab value="package">Package</Tabs.Tab>
          <Tabs.Tab value="macros">Macros</Tabs.Tab>
          <Tabs.Tab value="settings">Settings</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="runs">
          <History job={job} mayRun={mayRun} />
        </Tabs.Panel>
        <Tabs.Panel value="package">
          <PackagePanel job={job} mayWrite={mayWrite} />
        </Tabs.Panel>
        <Tabs.Panel value="macros">
          <MacrosPanel job={job} mayWrite={mayWrite} />
        </Tabs.Panel>
        <Tabs.Panel value="settings">
          <SettingsPanel key={job.lastModified} job={job} mayWrite={mayWrite} />
        </Tabs.Panel>
      </Tabs>
      {isRunning && <RunDialog job={job} onClose={() => setIsRunning(false)} />}
    </Page>
  );
}

function History({ job, mayRun }: { job: Job; mayRun: boolean }) {
  const { page: pageNumber } = useSearch({ from: "/app/jobs/$jobId" });
  const navigate = useNavigate({ from: "/jobs/$jobId" });
  const [size, setSize] = useState(25);
  const latest = useQuery(runsQuery({ offset: 0, size: 60, jobconfigid: job.id }));
  const runs = useQuery(runsQuery({ offset: (pageNumber ?? 1) - 1, size, jobconfigid: job.id }));
  return (
    <Answer query={runs}>
      {(page) =>
        page.totalRecords === 0 ? (
          <div className="panel">
            <Empty title="It has not run yet">
              {job.runtimeConfig?.packageName == null
                ? "Upload its package first, under Package."
                : mayRun
                  ? "Press Run: the run appears here, with its log as it is written."
                  : "Its runs will be listed here."}
            </Empty>
          </div>
        ) : (
          <>
            <Panel title="Durations">
              <DurationChart runs={latest.data?.items ?? []} label={`Runs of ${job.name}`} />
            </Panel>
            <Panel title="History" padded={false}>
              <RunTable runs={page.items} withJob={false} />
              <Pager
                page={page}
                onPage={(to) => void navigate({ search: (old) => ({ ...old, page: to + 1 }) })}
                onSize={setSize}
              />
            </Panel>
          </>
        )
      }
    </Answer>
  );
}

function JobMenu({ job }: { job: Job }) {
  const navigate = useNavigate();
  const [isDeleting, setIsDeleting] = useState(false);
  const clone = useMutation({
    mutationFn: () =>
      good(api.POST("/api/jobconfigs/{id}/clone", { params: { path: { id: job.id } } })),
    onSuccess: async (copy) => {
      toast(`Created ${copy.name}`);
      await navigate({ to: "/jobs/$jobId", params: { jobId: copy.id } });
    },
    onError: toastError,
  });
  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <Button variant="default" px={10} aria-label="More actions">
            <Ellipsis size={16} />
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<Copy size={15} />} onClick={() => clone.mutate()}>
            Make a copy
          </Menu.Item>
          <Menu.Item leftSection={<Trash2 size={15} />} onClick={() => setIsDeleting(true)}>
            Delete
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <Confirm
        opened={isDeleting}
        title="Delete the job?"
        action="Delete"
        onClose={() => setIsDeleting(false)}
        onConfirm={async () => {
          await good(api.DELETE("/api/jobconfigs/{id}", { params: { path: { id: job.id } } }));
          toast(`Deleted ${job.name}`);
          await navigate({ to: "/jobs" });
          queryClient.removeQueries({ queryKey: ["job", job.id] });
        }}
      >
        <strong>{job.name}</strong> goes for good, with its files and macros. Its runs stay readable.
      </Confirm>
    </>
  );
}
