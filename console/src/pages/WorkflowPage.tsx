import { Select, Tabs } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { may } from "../api/rights";
import { useMe } from "../api/queries";
import { Answer, Page, Panel, State } from "../ui/parts";
import { connectionsOf, stepsOf } from "../workflows/definition";
import { DifferencePanel } from "../workflows/DifferencePanel";
import { FaultList } from "../workflows/FaultList";
import { faultsAt, type Fault } from "../workflows/faults";
import { faultStates } from "../workflows/faultStates";
import { Graph } from "../workflows/Graph";
import { LatestExecutions } from "../workflows/LatestExecutions";
import { PayloadPanel } from "../workflows/PayloadPanel";
import { versionQuery, versionsQuery, type Listed, type Version } from "../workflows/queries";
import { StepDetails, StepList } from "../workflows/StepDetails";
import { VersionActions } from "../workflows/VersionActions";
import { VersionTable } from "../workflows/VersionTable";

const CRUMBS = [{ label: "Workflows", link: { to: "/workflows" as const } }];
const TABS = ["graph", "versions", "payload", "executions"];

/** The version that a page shows where its address names none: the one in force, else the latest. */
function shownVersion(versions: readonly Listed[], wanted: number | undefined): number {
  const first = versions[0];
  return wanted ?? first?.active_version ?? first?.workflow_version ?? 1;
}

export function WorkflowPage() {
  const { workflowId } = useParams({ from: "/app/workflows/$workflowId" });
  const { version: wanted } = useSearch({ from: "/app/workflows/$workflowId" });
  const versions = useQuery(versionsQuery(workflowId));
  const shown = versions.data === undefined ? undefined : shownVersion(versions.data, wanted);
  const version = useQuery({ ...versionQuery(workflowId, shown ?? 1), enabled: shown !== undefined });
  if (versions.data === undefined || version.data === undefined) {
    return (
      <Page title="Workflow" crumbs={CRUMBS}>
        <Answer query={versions.data === undefined ? versions : version}>{() => null}</Answer>
      </Page>
    );
  }
  return <Content key={version.data.workflow_version} version={version.data} versions={versions.data} />;
}

function Content({ version, versions }: { version: Version; versions: Listed[] }) {
  const me = useMe();
  const search = useSearch({ from: "/app/workflows/$workflowId" });
  const navigate = useNavigate({ from: "/workflows/$workflowId" });
  const [faults, setFaults] = useState<Fault[]>([]);
  const mayLook = may(me, "history_read", version.workspace_id);
  const tab = TABS.includes(search.tab ?? "") && (mayLook || search.tab !== "executions") ? search.tab : "graph";
  const go = (part: Partial<typeof search>) => void navigate({ search: (old) => ({ ...old, ...part }) });
  const show = (number: number) => go({ version: number, tab: undefined, step: undefined });
  const isNewer = versions.some((each) => each.workflow_version > version.workflow_version);
  return (
    <Page
      title={version.workflow_name}
      crumbs={CRUMBS}
      about={
        <div className="version-choice">
          <Select
            aria-label="Version"
            size="xs"
            w={130}
            allowDeselect={false}
            data={versions.map((each) => ({
              value: String(each.workflow_version),
              label: `Version ${each.workflow_version}`,
            }))}
            value={String(version.workflow_version)}
            onChange={(value) => show(Number(value))}
          />
          <State state={version.workflow_status} />
          <span className="crumbs">
            {version.workflow_trigger_type === "SCHEDULE" ? "Started by its schedule" : "Started by requests"}
            {isNewer && "; there is a newer version"}
          </span>
        </div>
      }
      actions={
        <VersionActions
          version={version}
          isOnly={versions.length === 1}
          onFaults={(found) => {
            setFaults(found);
            go({ tab: undefined });
          }}
        />
      }
    >
      <Tabs value={tab} keepMounted={false} onChange={(value) => go({ tab: value === "graph" ? undefined : (value ?? undefined) })}>
        <Tabs.List mb="md">
          <Tabs.Tab value="graph">Graph</Tabs.Tab>
          <Tabs.Tab value="versions">Versions</Tabs.Tab>
          <Tabs.Tab value="payload">Payload</Tabs.Tab>
          {mayLook && <Tabs.Tab value="executions">Executions</Tabs.Tab>}
        </Tabs.List>
        <Tabs.Panel value="graph">
          <GraphTab version={version} faults={faults} selected={search.step ?? null} onSelect={(step) => go({ step: step ?? undefined })} />
        </Tabs.Panel>
        <Tabs.Panel value="versions">
          <VersionsTab versions={versions} shown={version.workflow_version} onShow={show} />
        </Tabs.Panel>
        <Tabs.Panel value="payload">
          <PayloadPanel version={version} mayWrite={may(me, "workflows_write", version.workspace_id)} />
        </Tabs.Panel>
        <Tabs.Panel value="executions">
          <LatestExecutions workflowId={version.workflow_id} />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}

function GraphTab({
  version,
  faults,
  selected,
  onSelect,
}: {
  version: Version;
  faults: readonly Fault[];
  selected: string | null;
  onSelect: (id: string | null) => void;
}) {
  const steps = useMemo(() => stepsOf(version.workflow_steps), [version]);
  const connections = useMemo(() => connectionsOf(version.workflow_connections), [version]);
  const placed = faultsAt(faults, version.workflow_steps);
  const step = steps.find((each) => each.id === selected);
  const rest = [...placed.rest, ...Object.values(placed.connections).flat()];
  return (
    <>
      <FaultList faults={rest} />
      <div className="cols graph-and-step">
        <section className="panel" aria-label="Graph">
          <Graph label={`Graph of version ${version.workflow_version}`} steps={steps} connections={connections} states={faultStates(placed)} selected={selected} onSelect={onSelect} />
        </section>
        {step === undefined ? (
          <StepList steps={steps} onSelect={onSelect} />
        ) : (
          <StepDetails step={step} connections={connections} faults={placed.steps[step.id]} />
        )}
      </div>
    </>
  );
}

function VersionsTab({ versions, shown, onShow }: { versions: Listed[]; shown: number; onShow: (version: number) => void }) {
  const { from, to } = useSearch({ from: "/app/workflows/$workflowId" });
  const navigate = useNavigate({ from: "/workflows/$workflowId" });
  const compare = (before: number, after: number) =>
    void navigate({ search: (old) => ({ ...old, from: before, to: after }) });
  return (
    <>
      <VersionTable
        versions={versions}
        shown={shown}
        onShow={onShow}
        onCompare={(number) => compare(neighbour(versions, number), number)}
      />
      {from !== undefined && to !== undefined ? (
        <DifferencePanel versions={versions} from={from} to={to} onChange={compare} />
      ) : (
        versions.length === 1 && (
          <Panel title="Difference">
            Once there is a second version, Compare shows what each changed, step by step.
          </Panel>
        )
      )}
    </>
  );
}

/** The version before this one; of the first the one after it. */
function neighbour(versions: readonly Listed[], number: number): number {
  const numbers = versions.map((each) => each.workflow_version);
  return numbers.find((each) => each < number) ?? numbers.findLast((each) => each > number) ?? number;
}
