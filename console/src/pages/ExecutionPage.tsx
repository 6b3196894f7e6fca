import { Tabs } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useMemo, type ReactNode } from "react";
import { Actions } from "../executions/Actions";
import { EventList } from "../executions/EventList";
import { Length, nameOf as workflowName } from "../executions/ExecutionTable";
import { executionQuery, instant, type Execution } from "../executions/queries";
import { reasonText } from "../executions/reason";
import { questionsOf, spansOf, standings, type Entry, type Span } from "../executions/spans";
import { Data, StepPanel } from "../executions/StepPanel";
import { Timeline } from "../executions/Timeline";
import { useEvents } from "../executions/useEvents";
import { whoOf } from "../executions/words";
import { Answer, CopyButton, Fault, Page, Panel, State, Time } from "../ui/parts";
import { plural } from "../ui/words";
import { connectionsOf, nameOf, stepsOf } from "../workflows/definition";
import { Graph } from "../workflows/Graph";

const TABS = ["timeline", "events", "details"];
const CRUMB = { label: "Executions", link: { to: "/executions" as const } };

export function ExecutionPage() {
  const { executionId } = useParams({ from: "/app/executions/$executionId" });
  const execution = useQuery(executionQuery(executionId));
  if (execution.data === undefined) {
    return (
      <Page title="Execution" crumbs={[CRUMB]}>
        <Answer query={execution}>{() => null}</Answer>
      </Page>
    );
  }
  return <Content key={executionId} execution={execution.data} />;
}

function Content({ execution }: { execution: Execution }) {
  const { tab, step: stepId } = useSearch({ from: "/app/executions/$executionId" });
  const navigate = useNavigate({ from: "/executions/$executionId" });
  const { entries, error } = useEvents(execution);
  const { workflow_steps: saidSteps, workflow_connections: saidConnections } = execution.workflow_details;
  const steps = useMemo(() => stepsOf(saidSteps), [saidSteps]);
  const connections = useMemo(() => connectionsOf(saidConnections), [saidConnections]);
  const spans = useMemo(() => spansOf(entries, steps), [entries, steps]);
  const states = useMemo(() => standings(spans), [spans]);
  const names = useMemo(() => new Map(steps.map((step) => [step.id, nameOf(step)])), [steps]);
  const step = steps.find((each) => each.id === stepId) ?? null;
  const go = (part: { tab?: string; step?: string }) =>
    void navigate({ search: (old) => ({ ...old, ...part }), replace: true, resetScroll: false });
  const name = workflowName(execution);
  return (
    <Page
      title={`Execution of ${name}`}
      crumbs={[
        { label: "Workflows", link: { to: "/workflows" } },
        { label: name, link: { to: "/workflows/$workflowId", params: { workflowId: execution.workflow_id } } },
        { label: "Executions", link: { to: "/executions", search: { workflow: execution.workflow_id } } },
      ]}
      about={
        <>
          <State state={execution.workflow_status} />{" "}
          <span className="crumbs">
            version {execution.workflow_version} · started <Time at={instant(execution.created_on)} /> ·{" "}
            {execution.finished_on === null ? "for " : "took "}
            <Length execution={execution} />
          </span>
        </>
      }
      actions={
        <Actions execution={execution} entries={entries} spans={spans} names={names} step={step?.id ?? null} />
      }
    >
      {error !== null && <Fault error={error} />}
      <Reason execution={execution} entries={entries} names={names} />
      <Questions spans={spans} names={names} />
      <div className="execution-top">
        <Panel title="Graph" padded={false}>
          <Graph
            steps={steps}
            connections={connections}
            states={states}
            selected={step?.id ?? null}
            onSelect={(id) => go({ step: id ?? undefined })}
            label={`Steps of ${name}`}
          />
        </Panel>
        {step === null ? (
          <Payloads execution={execution} />
        ) : (
          <StepPanel
            key={step.id}
            step={step}
            spans={spans}
            execution={execution}
            onClose={() => go({ step: undefined })}
          />
        )}
      </div>
      <Tabs
        value={TABS.find((each) => each === tab) ?? "timeline"}
        keepMounted={false}
        onChange={(value) => go({ tab: value ?? undefined })}
      >
        <Tabs.List mb="md">
          <Tabs.Tab value="timeline">Timeline</Tabs.Tab>
          <Tabs.Tab value="events">Events</Tabs.Tab>
          <Tabs.Tab value="details">Details</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="timeline">
          <Timeline spans={spans} names={names} selected={step?.id ?? null} onSelect={(id) => go({ step: id })} />
        </Tabs.Panel>
        <Tabs.Panel value="events">
          <EventList entries={entries} names={names} />
        </Tabs.Panel>
        <Tabs.Panel value="details">
          <Panel title="Details">
            <Details execution={execution} />
          </Panel>
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}

/** Why it came to no good end, in plain words first. */
function Reason({
  execution,
  entries,
  names,
}: {
  execution: Execution;
  entries: Entry[];
  names: ReadonlyMap<string, string>;
}) {
  const { error, workflow_status: status } = execution;
  if (error === null) return null;
  if (status === "Terminated") {
    const asked = entries.findLast((entry) => entry.type === "terminate_requested");
    const who = asked === undefined ? null : whoOf(asked);
    return (
      <Told>
        Terminated{who === null ? "" : ` by ${who}`}
        {error.message === "" ? "." : `: ${error.message}`}
      </Told>
    );
  }
  const at = error.step === null ? "It failed." : `It failed at the step “${names.get(error.step) ?? error.step}”.`;
  return (
    <div className="fault" role="status" style={{ marginBottom: 16 }}>
      <strong>
        {at} {reasonText(error)}
      </strong>
      <pre className="result">{[error.name, error.message].filter((part) => part !== "").join(": ")}</pre>
    </div>
  );
}

function Questions({ spans, names }: { spans: Span[]; names: ReadonlyMap<string, string> }) {
  const [first, ...others] = questionsOf(spans);
  if (first === undefined) return null;
  return (
    <Told>
      It waits for an answer at the step “{names.get(first.step) ?? first.step}”, since{" "}
      <Time at={instant(first.from)} />
      {first.due !== null && (
        <>
          ; the time is up <Time at={instant(first.due)} />
        </>
      )}
      .{others.length > 0 && ` ${plural(others.length, "further step")} will wait for an answer after it.`}
    </Told>
  );
}

function Told({ children }: { children: ReactNode }) {
  return (
    <div className="warnings" role="status" style={{ margin: "0 0 16px", paddingLeft: 14, overflowWrap: "anywhere" }}>
      {children}
    </div>
  );
}

function Payloads({ execution }: { execution: Execution }) {
  return (
    <Panel title="Input and output">
      <div className="step-panel">
        <p className="crumbs" style={{ margin: "0 0 8px" }}>
          Choose a step, in the graph or in the timeline, to see what went into it and what came out.
        </p>
        <Data title="Input" value={execution.workflow_input_payload} />
        <Data
          title="Output"
          value={execution.workflow_status === "Completed" ? execution.workflow_output_payload : undefined}
        />
      </div>
    </Panel>
  );
}

function Details({ execution }: { execution: Execution }) {
  const { parent } = execution;
  return (
    <dl className="facts">
      <dt>Execution</dt>
      <dd className="mono">
        {execution.workflow_execution_id}{" "}
        <CopyButton text={execution.workflow_execution_id} what="execution id" />
      </dd>
      {execution.process_id !== null && (
        <>
          <dt>Process id</dt>
          <dd className="mono">{execution.process_id}</dd>
        </>
      )}
      <dt>Started</dt>
      <dd>
        <Time at={instant(execution.created_on)} /> <Starter execution={execution} />
      </dd>
      {parent !== null && (
        <>
          <dt>Started by</dt>
          <dd>
            <Link
              to="/executions/$executionId"
              params={{ executionId: parent.workflow_execution_id }}
              search={{ step: parent.step.split(/[.[#]/, 1)[0] }}
            >
              Execution of {parent.workflow_name}
            </Link>
            , its step {parent.step}
          </dd>
        </>
      )}
      <dt>Last changed</dt>
      <dd>
        <Time at={instant(execution.modified_on)} />
        {execution.modified_by_name !== null && ` by ${execution.modified_by_name}`}
      </dd>
      {execution.finished_on !== null && (
        <>
          <dt>Ended</dt>
          <dd>
            <Time at={instant(execution.finished_on)} />
          </dd>
        </>
      )}
    </dl>
  );
}

function Starter({ execution }: { execution: Execution }) {
  const [kind, id = ""] = execution.created_by.split(":");
  if (kind === "schedule") {
    return (
      <>
        by <Link to="/schedules/$scheduleId" params={{ scheduleId: id }}>a schedule</Link>
        {execution.workflow_trigger_type === "MANUAL" && ", by hand"}
      </>
    );
  }
  return <>by {execution.workflow_trigger_type === "WORKFLOW" ? "another workflow" : execution.created_by_name}</>;
}
