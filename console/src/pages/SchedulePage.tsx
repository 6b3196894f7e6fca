import { Button, Menu, Tabs } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Ellipsis, Pause, Pencil, Play, Zap } from "lucide-react";
import { useState } from "react";
import { api, good, idempotencyKey } from "../api/client";
import { may } from "../api/rights";
import { jobQuery, projectsQuery, useMe } from "../api/queries";
import { Backfill } from "../schedules/Backfill";
import { Explain } from "../schedules/Explain";
import { Firings } from "../schedules/Firings";
import { PauseDialog } from "../schedules/PauseDialogs";
import { POLICIES } from "../schedules/policies";
import { Times } from "../schedules/Preview";
import { scheduleQuery, schedulesChanged, upcomingQuery, type Schedule } from "../schedules/queries";
import { Versions } from "../schedules/Versions";
import { Confirm } from "../ui/Confirm";
import { LinkButton } from "../ui/LinkButton";
import { Answer, CopyButton, Page, Panel, State, Time } from "../ui/parts";
import { toast, toastError } from "../ui/toasts";
import { versionsQuery } from "../workflows/queries";
import { expressionOf, Health } from "./Schedules";

const CRUMBS = [{ label: "Schedules", link: { to: "/schedules" as const } }];
const TABS = ["firings", "details", "versions"];

export function SchedulePage() {
  const { scheduleId } = useParams({ from: "/app/schedules/$scheduleId" });
  const schedule = useQuery(scheduleQuery(scheduleId));
  if (schedule.data === undefined) {
    return (
      <Page title="Schedule" crumbs={CRUMBS}>
        <Answer query={schedule}>{() => null}</Answer>
      </Page>
    );
  }
  return <Content schedule={schedule.data} />;
}

function Content({ schedule }: { schedule: Schedule }) {
  const me = useMe();
  const { tab, at } = useSearch({ from: "/app/schedules/$scheduleId" });
  const navigate = useNavigate({ from: "/schedules/$scheduleId" });
  const upcoming = useQuery(upcomingQuery(schedule.id, schedule.version, schedule.next_run_at));
  const mayLook = may(me, "history_read", schedule.project_id);
  const shown = TABS.includes(tab ?? "") ? (tab ?? "details") : mayLook ? "firings" : "details";
  const explain = (to: string | undefined) => void navigate({ search: (old) => ({ ...old, at: to }) });
  return (
    <Page
      title={schedule.name}
      crumbs={CRUMBS}
      about={
        <>
          <State state={schedule.status} />{" "}
          <span className="crumbs">
            {upcoming.data?.description} {upcoming.data !== undefined && `(${upcoming.data.timezone})`}
          </span>
        </>
      }
      actions={<Actions schedule={schedule} />}
    >
      {schedule.status === "paused" && (
        <div className="warnings" role="status" style={{ margin: "0 0 16px", paddingLeft: 14 }}>
          {schedule.paused_reason}
          {schedule.paused_until !== null && (
            <>
              {" "}
              It resumes <Time at={schedule.paused_until} />.
            </>
          )}
        </div>
      )}
      <Tabs
        value={shown}
        keepMounted={false}
        onChange={(value) =>
          void navigate({ search: (old) => ({ ...old, tab: value ?? undefined, page: undefined, state: undefined }) })
        }
      >
        <Tabs.List mb="md">
          {mayLook && <Tabs.Tab value="firings">Due times</Tabs.Tab>}
          <Tabs.Tab value="details">Details</Tabs.Tab>
          <Tabs.Tab value="versions">Versions</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="firings">
          <Firings schedule={schedule} onExplain={explain} />
        </Tabs.Panel>
        <Tabs.Panel value="details">
          <div className="cols">
            <Panel title="Next due times">
              <Answer query={upcoming}>
                {(found) => <Times times={found.next} zone={found.timezone} />}
              </Answer>
            </Panel>
            <Panel title="What it says">
              <Facts schedule={schedule} />
            </Panel>
          </div>
        </Tabs.Panel>
        <Tabs.Panel value="versions">
          <Versions schedule={schedule} />
        </Tabs.Panel>
      </Tabs>
      {at !== undefined && mayLook && (
        <Explain
          schedule={schedule}
          zone={upcoming.data?.timezone ?? "UTC"}
          at={at}
          onGo={explain}
          onClose={() => explain(undefined)}
        />
      )}
    </Page>
  );
}

function Actions({ schedule }: { schedule: Schedule }) {
  const me = useMe();
  const navigate = useNavigate();
  const [dialog, setDialog] = useState<"pause" | "backfill" | "delete" | null>(null);
  const params = { path: { schedule_id: schedule.id } };
  const close = () => setDialog(null);
  const trigger = useMutation({
    mutationFn: () =>
      good(
        api.POST("/v1/schedules/{schedule_id}/trigger", {
          params: { ...params, header: { "idempotency-key": idempotencyKey() } },
        }),
      ),
    onSuccess: async (firing) => {
      toast(firing.reason === "" ? "Triggered" : `Triggered: ${firing.reason}`);
      await schedulesChanged();
    },
    onError: toastError,
  });
  const resume = useMutation({
    mutationFn: () => good(api.POST("/v1/schedules/{schedule_id}/resume", { params })),
    onSuccess: async () => {
      toast(`Resumed ${schedule.name}`);
      await schedulesChanged();
    },
    onError: toastError,
  });
  if (!may(me, "schedules_write", schedule.project_id)) return null;
  return (
    <>
      <Button variant="default" leftSection={<Zap size={15} />} loading={trigger.isPending} onClick={() => trigger.mutate()}>
        Trigger
      </Button>
      {schedule.status === "active" && (
        <Button variant="default" leftSection={<Pause size={15} />} onClick={() => setDialog("pause")}>
          Pause
        </Button>
      )}
      {schedule.status === "paused" && (
        <Button variant="default" leftSection={<Play size={15} />} loading={resume.isPending} onClick={() => resume.mutate()}>
          Resume
        </Button>
      )}
      <LinkButton
        to="/schedules/$scheduleId/edit"
        params={{ scheduleId: schedule.id }}
        variant="default"
        leftSection={<Pencil size={15} />}
      >
        Edit
      </LinkButton>
      <Menu position="bottom-end">
        <Menu.Target>
          <Button variant="default" px={10} aria-label="More actions">
            <Ellipsis size={16} />
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => setDialog("backfill")}>Backfill</Menu.Item>
          <Menu.Item onClick={() => setDialog("delete")}>Delete</Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {dialog === "pause" && <PauseDialog schedule={schedule} onClose={close} />}
      {dialog === "backfill" && <Backfill schedule={schedule} onClose={close} />}
      <Confirm
        opened={dialog === "delete"}
        title="Delete the schedule?"
        action="Delete"
        onClose={close}
        onConfirm={async () => {
          await good(api.DELETE("/v1/schedules/{schedule_id}", { params }));
          toast(`Deleted ${schedule.name}`);
          await navigate({ to: "/schedules" });
        }}
      >
        <strong>{schedule.name}</strong> is never due again. What it has started goes on.
      </Confirm>
    </>
  );
}

function Facts({ schedule }: { schedule: Schedule }) {
  const me = useMe();
  const projects = useQuery({ ...projectsQuery, enabled: may(me, "project_read") });
  const { job_id: jobId, workflow_id: workflowId } = schedule.action_config;
  const rules: [string, string][] = [
    ["While one runs", labelOf(POLICIES.overlap, schedule.overlap_policy)],
    ["What was missed", `${labelOf(POLICIES.catchup, schedule.catchup_policy)}; up to ${schedule.catchup_window_minutes} min late`],
    ["Retries", `${schedule.max_retries}, after ${schedule.retry_backoff_seconds} s`],
    ["Pauses after", `${schedule.pause_on_failure_count} failures in a row`],
    ["Spread over", `${schedule.flexible_window_minutes} min`],
    ["Starts a minute", schedule.rate_limit_per_minute === null ? "Any number" : String(schedule.rate_limit_per_minute)],
  ];
  const optional: [string, string | null][] = [
    ["Description", schedule.description],
    ["Tags", schedule.tags.join(", ") || null],
    ["Not before", schedule.start_at],
    ["Not after", schedule.end_at],
    ["Customer id", schedule.customer_id],
    ["External id", schedule.external_id],
  ];
  return (
    <dl className="facts">
      <dt>Schedule</dt>
      <dd className="mono">
        {schedule.id} <CopyButton text={schedule.id} what="schedule id" />
      </dd>
      <dt>Expression</dt>
      <dd className="mono">{expressionOf(schedule)}</dd>
      <dt>Time zone</dt>
      <dd>{schedule.timezone}</dd>
      <dt>Project</dt>
      <dd>{projects.data?.find((each) => each.id === schedule.project_id)?.name ?? "a project"}</dd>
      {optional.map(([name, value]) =>
        value === null ? null : (
          <Fact key={name} name={name}>
            {value}
          </Fact>
        ),
      )}
      <dt>Starts</dt>
      <dd>
        {schedule.action_type === "run_job" && typeof jobId === "string" ? (
          <JobLink id={jobId} />
        ) : schedule.action_type === "run_workflow" && typeof workflowId === "string" ? (
          <WorkflowLink id={workflowId} config={schedule.action_config} />
        ) : (
          <>
            <code>{schedule.action_type}</code>
            <pre className="result" tabIndex={0}>{JSON.stringify(schedule.action_config, null, 2)}</pre>
          </>
        )}
      </dd>
      <dt>Last</dt>
      <dd>
        <Health schedule={schedule} />
      </dd>
      {rules.map(([name, value]) => (
        <Fact key={name} name={name}>
          {value}
        </Fact>
      ))}
    </dl>
  );
}

function labelOf(choices: { value: string; label: string }[], value: string): string {
  return choices.find((each) => each.value === value)?.label ?? value;
}

function Fact({ name, children }: { name: string; children: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

function JobLink({ id }: { id: string }) {
  const job = useQuery({ ...jobQuery(id), retry: false });
  return (
    <Link to="/jobs/$jobId" params={{ jobId: id }}>
      {job.data?.name ?? `Job ${id}`}
    </Link>
  );
}

function WorkflowLink({ id, config }: { id: string; config: Record<string, unknown> }) {
  const versions = useQuery({ ...versionsQuery(id), retry: false });
  return (
    <>
      <Link to="/workflows/$workflowId" params={{ workflowId: id }}>
        {versions.data?.[0]?.workflow_name ?? "A workflow"}
      </Link>
      {typeof config.workflow_version === "number" ? `, version ${config.workflow_version}` : ", the latest active version"}
      {config.payload != null && <pre className="result" tabIndex={0}>{JSON.stringify(config.payload, null, 2)}</pre>}
    </>
  );
}
