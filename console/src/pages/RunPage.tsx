import { Button, Table, VisuallyHidden } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { Download, RotateCcw, Square } from "lucide-react";
import { useState } from "react";
import { api, good, idempotencyKey } from "../api/client";
import { download } from "../api/download";
import { may } from "../api/rights";
import { isOpen, jobQuery, outputQuery, runQuery, useMe, type Run } from "../api/queries";
import { refresh } from "../api/refresh";
import { LogPanel } from "../log/LogPanel";
import { By } from "../ui/By";
import { Confirm } from "../ui/Confirm";
import { Answer, CopyButton, Page, Panel, State, Time } from "../ui/parts";
import { Length } from "../ui/RunTable";
import { toast, toastError } from "../ui/toasts";
import { bytes, duration } from "../ui/words";

export function RunPage() {
  const { runId } = useParams({ from: "/app/runs/$runId" });
  const run = useQuery(runQuery(runId));
  if (run.data === undefined) {
    return (
      <Page title="Run" crumbs={[{ label: "Runs", link: { to: "/runs" } }]}>
        <Answer query={run}>{() => null}</Answer>
      </Page>
    );
  }
  return <RunContent run={run.data} />;
}

function RunContent({ run }: { run: Run }) {
  return (
    <Page
      title={`Run of ${run.jobConfig.name}`}
      crumbs={[
        { label: "Jobs", link: { to: "/jobs" } },
        {
          label: run.jobConfig.name,
          link: { to: "/jobs/$jobId", params: { jobId: run.jobConfig.id } },
        },
      ]}
      about={<State state={run.status} />}
      actions={<Actions run={run} />}
    >
      {run.error != null && (
        <div className="fault" role="status" style={{ marginBottom: 16 }}>
          <strong>{run.errorType ?? "Error"}</strong>
          <pre className="result" tabIndex={0}>{run.error}</pre>
        </div>
      )}
      <LogPanel
        key={run.id}
        runId={run.id}
        onEnd={() => {
          void refresh(["run", run.id]);
        }}
      />
      <div className="cols" style={{ marginTop: 16 }}>
        <Panel title="Result">
          <Output run={run} />
        </Panel>
        <Panel title="Details">
          <Details run={run} />
        </Panel>
      </div>
      {(run.attempts?.length ?? 0) > 1 && (
        <div style={{ marginTop: 16 }}>
          <Attempts run={run} />
        </div>
      )}
    </Page>
  );
}

function Actions({ run }: { run: Run }) {
  const me = useMe();
  const navigate = useNavigate();
  const [isStopping, setIsStopping] = useState(false);
  // The project is the job's; of a job that is gone, the server alone knows it.
  const job = useQuery({ ...jobQuery(run.jobConfig.id), retry: false });
  const mayRun = may(me, "jobs_run", job.data?.project);
  const retry = useMutation({
    mutationFn: () =>
      good(
        api.POST("/api/jobs/{id}/retry", {
          params: { path: { id: run.id }, header: { "idempotency-key": idempotencyKey() } },
        }),
      ),
    onSuccess: async (again) => {
      toast("Started again, with the same package, input and macros");
      await navigate({ to: "/runs/$runId", params: { runId: again.id } });
    },
    onError: toastError,
  });
  if (!mayRun) return null;
  if (!isOpen(run.status)) {
    return (
      <Button
        variant="default"
        leftSection={<RotateCcw size={15} />}
        loading={retry.isPending}
        onClick={() => retry.mutate()}
      >
        Retry
      </Button>
    );
  }
  return (
    <>
      <Button variant="default" leftSection={<Square size={14} />} onClick={() => setIsStopping(true)}>
        Stop
      </Button>
      <Confirm
        opened={isStopping}
        title="Stop the run?"
        action="Stop the run"
        onClose={() => setIsStopping(false)}
        onConfirm={async () => {
          await good(api.DELETE("/api/jobs/{id}", { params: { path: { id: run.id } } }));
          await refresh(["run", run.id]);
        }}
      >
        Its code is ended where it is. What it has written so far stays.
      </Confirm>
    </>
  );
}

function Output({ run }: { run: Run }) {
  const output = useQuery({ ...outputQuery(run.id), enabled: !isOpen(run.status) });
  if (isOpen(run.status)) {
    return <p className="crumbs">What the function returns and the files it leaves appear here at the end.</p>;
  }
  return (
    <Answer query={output}>
      {(found) => (
        <>
          <pre className="result" tabIndex={0} aria-label="Result">
            {found.result === null ? "It returned nothing." : JSON.stringify(found.result, null, 2)}
          </pre>
          {found.files.length > 0 && (
            <Table mt="md">
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>File</Table.Th>
                  <Table.Th>Size</Table.Th>
                  <Table.Th>
                <VisuallyHidden>Actions</VisuallyHidden>
              </Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {found.files.map((file) => (
                  <Table.Tr key={file.name}>
                    <Table.Td>
                      <div className="cell-text mono" style={{ maxWidth: 260 }}>
                        {file.name}
                      </div>
                    </Table.Td>
                    <Table.Td>{bytes(file.size)}</Table.Td>
                    <Table.Td>
                      <div className="row-actions">
                        <Button
                          size="compact-sm"
                          variant="default"
                          aria-label={`Download ${file.name}`}
                          onClick={() => {
                            download(new URL(file.href).pathname, file.name).catch(toastError);
                          }}
                        >
                          <Download size={15} />
                        </Button>
                      </div>
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          )}
        </>
      )}
    </Answer>
  );
}

function Details({ run }: { run: Run }) {
  return (
    <dl className="facts">
      <dt>Run</dt>
      <dd className="mono">
        {run.id} <CopyButton text={run.id} what="run id" />
      </dd>
      <dt>Package</dt>
      <dd className="mono">{run.packageName}</dd>
      <dt>Entry point</dt>
      <dd className="mono">{run.entryPoint}</dd>
      <dt>Submitted</dt>
      <dd>
        <Time at={run.scheduled} /> by <By actor={run.submittedByUser} />
      </dd>
      {run.started != null && (
        <>
          <dt>Waited</dt>
          <dd>{duration(Math.max(0, Date.parse(run.started) - Date.parse(run.scheduled)))}</dd>
        </>
      )}
      <dt>Duration</dt>
      <dd>
        <Length run={run} />
      </dd>
      <dt>Attempt</dt>
      <dd>
        {run.attempt === 0 ? "not begun" : run.attempt}
        {run.nextAttempt != null && (
          <>
            , next <Time at={run.nextAttempt} />
          </>
        )}
      </dd>
      {run.returnCode != null && (
        <>
          <dt>Exit code</dt>
          <dd>{run.returnCode}</dd>
        </>
      )}
      {run.stoppedByUser != null && (
        <>
          <dt>Stopped by</dt>
          <dd>{run.stoppedByUser.name}</dd>
        </>
      )}
      {run.retryOf != null && (
        <>
          <dt>Repeats</dt>
          <dd className="mono">
            <Link to="/runs/$runId" params={{ runId: run.retryOf }}>
              {run.retryOf}
            </Link>
          </dd>
        </>
      )}
      {run.tags.length > 0 && (
        <>
          <dt>Tags</dt>
          <dd>{run.tags.join(", ")}</dd>
        </>
      )}
    </dl>
  );
}

function Attempts({ run }: { run: Run }) {
  return (
    <Panel title="Attempts" padded={false}>
      <div className="scroll">
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Attempt</Table.Th>
              <Table.Th>Began</Table.Th>
              <Table.Th>Outcome</Table.Th>
              <Table.Th>Message</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {run.attempts?.map((attempt) => (
              <Table.Tr key={attempt.attempt}>
                <Table.Td>{attempt.attempt}</Table.Td>
                <Table.Td>
                  <Time at={attempt.started ?? attempt.received} />
                </Table.Td>
                <Table.Td>{attempt.outcome ?? "under way"}</Table.Td>
                <Table.Td>
                  <div className="cell-text mono">{attempt.error ?? ""}</div>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </div>
    </Panel>
  );
}
