import { Table } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { Run } from "../api/queries";
import { By } from "./By";
import { useNow } from "./clock";
import { State, Time } from "./parts";
import { duration } from "./words";

export function RunTable({ runs, withJob }: { runs: Run[]; withJob: boolean }) {
  return (
    <div className="scroll">
      <Table highlightOnHover>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>State</Table.Th>
            {withJob && <Table.Th>Job</Table.Th>}
            <Table.Th>Run</Table.Th>
            <Table.Th>Scheduled</Table.Th>
            <Table.Th>Duration</Table.Th>
            <Table.Th>Attempt</Table.Th>
            <Table.Th>By</Table.Th>
            <Table.Th>Message</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {runs.map((run) => (
            <Table.Tr key={run.id}>
              <Table.Td>
                <State state={run.status} />
              </Table.Td>
              {withJob && (
                <Table.Td>
                  <div className="cell-text" style={{ maxWidth: 260 }}>
                    <Link to="/jobs/$jobId" params={{ jobId: run.jobConfig.id }}>
                      {run.jobConfig.name}
                    </Link>
                  </div>
                </Table.Td>
              )}
              <Table.Td className="mono">
                <Link to="/runs/$runId" params={{ runId: run.id }} title={run.id}>
                  {run.id.slice(-8)}
                </Link>
              </Table.Td>
              <Table.Td style={{ whiteSpace: "nowrap" }}>
                <Time at={run.scheduled} />
              </Table.Td>
              <Table.Td style={{ whiteSpace: "nowrap" }}>
                <Length run={run} />
              </Table.Td>
              <Table.Td>{run.attempt}</Table.Td>
              <Table.Td>
                <div className="cell-text" style={{ maxWidth: 140 }}>
                  <By actor={run.submittedByUser} />
                </div>
              </Table.Td>
              <Table.Td>
                <div className="cell-text mono" style={{ maxWidth: 300 }} title={run.error ?? undefined}>
                  {run.error ?? ""}
                </div>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}

/** How long it took, or has been taking. */
export function Length({ run }: { run: Run }) {
  if (run.duration != null) return <>{duration(run.duration)}</>;
  if (run.started != null && run.finished == null) return <Growing since={run.started} />;
  return <>–</>;
}

function Growing({ since }: { since: string }) {
  const now = useNow();
  return <>{duration(Math.max(0, now - Date.parse(since)))}</>;
}
