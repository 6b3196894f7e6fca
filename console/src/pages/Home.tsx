import { useQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { isLetIn, may } from "../api/rights";
import {
  jobsQuery,
  OPEN_STATES,
  runsQuery,
  statisticsQuery,
  useMe,
  type Run,
} from "../api/queries";
import { DurationChart } from "../ui/DurationChart";
import { RunLine, WaitsForAnswer, WentWrong } from "../executions/HomePanels";
import { executionsQuery } from "../executions/queries";
import { Charts } from "../statistics/Charts";
import { occurrencesQuery } from "../schedules/queries";
import { useNow } from "../ui/clock";
import { Answer, Empty, Page, Panel, Time } from "../ui/parts";
import { count, duration } from "../ui/words";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

export function Home() {
  const me = useMe();
  if (!isLetIn(me) || !may(me, "project_read")) return <NotLetIn />;
  return <Page title="Home">{may(me, "history_read") ? <Activity /> : <OnlyJobs />}</Page>;
}

function NotLetIn() {
  const me = useMe();
  return (
    <Page title="Home">
      <div className="panel">
        <Empty
          title="You are not a member of any project yet"
          action={
            may(me, "project_create") ? <Link to="/projects">Create a project</Link> : undefined
          }
        >
          Jobs and their runs belong to projects. Ask the owner of a project, or an administrator, to
          add the user {me.name}.
        </Empty>
      </div>
    </Page>
  );
}

function OnlyJobs() {
  return (
    <div className="panel">
      <Empty title="Your role shows jobs, but not their runs" action={<Link to="/jobs">Go to Jobs</Link>}>
        The role Manager, or a higher one, runs jobs and reads their history. An owner of the project
        gives it.
      </Empty>
    </div>
  );
}

function Activity() {
  const me = useMe();
  const { project } = useSearch({ from: "/app" });
  const statistics = useQuery(statisticsQuery(project));
  const open = useQuery(runsQuery({ offset: 0, size: 8, state: [...OPEN_STATES], project }));
  const started = useQuery(executionsQuery({ project, limit: 1 }));
  const latest = useQuery(runsQuery({ offset: 0, size: 60, project }));
  const jobs = useQuery(jobsQuery({ offset: 0, size: 1, project }));
  const nothing = [jobs.data?.totalRecords, latest.data?.totalRecords, started.data?.count];
  if (nothing.every((each) => each === 0)) return <FirstSteps />;
  return (
    <>
      <Answer query={statistics}>
        {(counts) => (
          <div className="tiles">
            <Tile n={counts.running + counts.initializing} label="running" state="RUNNING,INITIALIZING" />
            <Tile n={counts.queued + counts.waiting} label="in the queue" state="QUEUED,WAITING" />
            <Tile n={counts.finished} label={"finished, last 24\u00a0h"} state="FINISHED" />
            <Tile n={counts.error + counts.failed} label={"went wrong, last 24\u00a0h"} state="ERROR,FAILED" isBad />
            <div className="tile">
              <span className="n">
                {counts.finished === 0 ? "–" : duration(counts.totalDuration / Math.max(1, ended(counts)))}
              </span>
              <span className="l">mean duration</span>
            </div>
          </div>
        )}
      </Answer>
      <Charts project={project} />
      <Panel title="Latest runs">
        <Answer query={latest}>
          {(page) =>
            page.items.length === 0 ? (
              <Empty title="Nothing has run yet" action={<Link to="/jobs">Go to Jobs</Link>}>
                Open a job and press Run: each run becomes a bar here.
              </Empty>
            ) : (
              <DurationChart runs={page.items} label="Latest runs" />
            )
          }
        </Answer>
      </Panel>
      <div className="cols" style={{ marginTop: 16 }}>
        {may(me, "schedules_read") && <DueNext />}
        <Panel title="Running and queued" padded={false}>
          <Answer query={open}>
            {(page) => <Runs runs={page.items} empty="Nothing runs at the moment." />}
          </Answer>
        </Panel>
        <WaitsForAnswer project={project} />
        <WentWrong project={project} />
      </div>
    </>
  );
}

/** What schedules start in the hours to come. */
function DueNext() {
  const { project } = useSearch({ from: "/app" });
  const now = useNow();
  // Asked anew each minute, not each second.
  const minute = Math.floor(now / MINUTE) * MINUTE;
  const occurrences = useQuery(
    occurrencesQuery(new Date(minute).toISOString(), new Date(minute + DAY).toISOString(), project),
  );
  return (
    <Panel title="Due next" padded={false} actions={<Link to="/calendar">Calendar</Link>}>
      <Answer query={occurrences}>
        {(found) => {
          // Each schedule once: what is due every minute leaves room for the others.
          const seen = new Set<string>();
          const next = found.items
            .filter((each) => each.status === "upcoming" && seen.size < seen.add(each.schedule_id).size)
            .slice(0, 8);
          return next.length === 0 ? (
            <p className="crumbs" style={{ padding: "14px", margin: 0 }}>
              Nothing is due within 24 hours. <Link to="/schedules">Schedules</Link> say when what starts.
            </p>
          ) : (
            <ul className="lines">
              {next.map((each) => (
                <li key={`${each.schedule_id} ${each.at}`} className="line">
                  <Link className="cell-text" to="/schedules/$scheduleId" params={{ scheduleId: each.schedule_id }}>
                    {each.name}
                  </Link>
                  <span className="spring" />
                  <span className="crumbs" style={{ margin: 0, whiteSpace: "nowrap" }}>
                    <Time at={each.at} />
                  </span>
                </li>
              ))}
            </ul>
          );
        }}
      </Answer>
    </Panel>
  );
}

function ended(counts: { finished: number; error: number; failed: number; cancelled: number }): number {
  return counts.finished + counts.error + counts.failed + counts.cancelled;
}

function Tile({ n, label, state, isBad = false }: { n: number; label: string; state: string; isBad?: boolean }) {
  return (
    <Link className="tile" to="/runs" search={{ state }}>
      <span className={isBad && n > 0 ? "n bad" : "n"}>{count(n)}</span>
      <span className="l">{label}</span>
    </Link>
  );
}

function Runs({ runs, empty }: { runs: Run[]; empty: string }): ReactNode {
  if (runs.length === 0) {
    return (
      <p className="crumbs" style={{ padding: "14px", margin: 0 }}>
        {empty}
      </p>
    );
  }
  return (
    <ul className="lines">
      {runs.map((run) => (
        <li key={run.id}>
          <RunLine run={run} />
        </li>
      ))}
    </ul>
  );
}

function FirstSteps() {
  const me = useMe();
  return (
    <div className="panel">
      <Empty
        title="Run the first job"
        action={
          may(me, "jobs_write") ? (
            <Link to="/jobs/new">Create a job</Link>
          ) : (
            <Link to="/jobs">Go to Jobs</Link>
          )
        }
      >
        A job is code that Treadle runs: a Python file, or a zip archive of them. Upload it, choose the
        function to begin with, and press Run. Its log appears here as it is written.
      </Empty>
    </div>
  );
}
