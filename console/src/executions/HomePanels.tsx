import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { runsQuery, BAD_STATES, type Run } from "../api/queries";
import { Answer, Panel, State, Time } from "../ui/parts";
import { nameOf, whereText } from "./ExecutionTable";
import { executionsQuery, instant, type ExecutionSummary } from "./queries";

const SHOWN = 8;

/** Executions that wait for somebody, the one that was started first at the top. */
export function WaitsForAnswer({ project }: { project: string | undefined }) {
  const waiting = useQuery(
    executionsQuery({ project, status: "Awaiting Response", oldestFirst: true, limit: SHOWN }),
  );
  return (
    <Panel
      title="Waits for an answer"
      padded={false}
      actions={
        <Link to="/executions" search={{ state: "Awaiting Response" }}>
          All
        </Link>
      }
    >
      <Answer query={waiting}>
        {(page) =>
          page.items.length === 0 ? (
            <p className="crumbs" style={{ padding: 14, margin: 0 }}>
              Nothing waits for anybody. Executions that ask for an answer are listed here, the oldest first.
            </p>
          ) : (
            <ul className="lines">
              {page.items.map((execution) => (
                <li key={execution.workflow_execution_id}>
                  <ExecutionLine execution={execution} at={execution.created_on} />
                  <div className="crumbs cell-text" style={{ maxWidth: "100%", margin: 0 }}>
                    At {execution.workflow_current_state}
                    {execution.process_id !== null && ` · ${execution.process_id}`}
                  </div>
                </li>
              ))}
            </ul>
          )
        }
      </Answer>
    </Panel>
  );
}

/** Failed runs and executions together, the latest first. */
export function WentWrong({ project }: { project: string | undefined }) {
  const runs = useQuery(runsQuery({ offset: 0, size: SHOWN, state: [...BAD_STATES], project }));
  const executions = useQuery(executionsQuery({ project, status: "Failed", limit: SHOWN }));
  return (
    <Panel title="Went wrong" padded={false}>
      <Answer query={runs}>
        {(page) => (
          <Answer query={executions}>{(failed) => <Wrong runs={page.items} executions={failed.items} />}</Answer>
        )}
      </Answer>
    </Panel>
  );
}

function Wrong({ runs, executions }: { runs: Run[]; executions: ExecutionSummary[] }) {
  const lines = [
    ...runs.map((run) => ({
      key: run.id,
      at: Date.parse(run.finished ?? run.scheduled),
      line: <RunLine run={run} />,
      text: run.error ?? "",
    })),
    ...executions.map((execution) => ({
      key: execution.workflow_execution_id,
      at: execution.finished_on ?? execution.created_on,
      line: <ExecutionLine execution={execution} at={execution.finished_on ?? execution.created_on} />,
      text: whereText(execution),
    })),
  ]
    .sort((one, other) => other.at - one.at)
    .slice(0, SHOWN);
  if (lines.length === 0) {
    return (
      <p className="crumbs" style={{ padding: 14, margin: 0 }}>
        Nothing has gone wrong. Failed runs and executions are listed here.
      </p>
    );
  }
  return (
    <ul className="lines">
      {lines.map((each) => (
        <li key={each.key}>
          {each.line}
          {each.text !== "" && (
            <div className="crumbs cell-text mono" style={{ maxWidth: "100%" }} title={each.text}>
              {each.text}
            </div>
          )}
        </li>
      ))}
    </ul>
  );
}

function ExecutionLine({ execution, at }: { execution: ExecutionSummary; at: number }) {
  return (
    <div className="line">
      <State state={execution.workflow_status} />
      <Link
        className="cell-text"
        to="/executions/$executionId"
        params={{ executionId: execution.workflow_execution_id }}
      >
        {nameOf(execution)}
      </Link>
      <span className="spring" />
      <span className="crumbs" style={{ margin: 0, whiteSpace: "nowrap" }}>
        <Time at={instant(at)} />
      </span>
    </div>
  );
}

export function RunLine({ run }: { run: Run }) {
  return (
    <div className="line">
      <State state={run.status} />
      <Link className="cell-text" to="/runs/$runId" params={{ runId: run.id }}>
        {run.jobConfig.name}
      </Link>
      <span className="spring" />
      <span className="crumbs" style={{ margin: 0, whiteSpace: "nowrap" }}>
        <Time at={run.finished ?? run.started ?? run.scheduled} />
      </span>
    </div>
  );
}
