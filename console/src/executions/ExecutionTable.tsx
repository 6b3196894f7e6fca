import { Table } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useNow } from "../ui/clock";
import { State, Time } from "../ui/parts";
import { duration } from "../ui/words";
import { instant, isOver, type ExecutionSummary } from "./queries";

export function ExecutionTable({
  executions,
  isOfOne = false,
}: {
  executions: ExecutionSummary[];
  /** All of the same workflow, which need not be named. */
  isOfOne?: boolean;
}) {
  return (
    <div className="scroll">
      <Table highlightOnHover>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>State</Table.Th>
            <Table.Th>{isOfOne ? "Version" : "Workflow"}</Table.Th>
            <Table.Th>Execution</Table.Th>
            <Table.Th>Started</Table.Th>
            <Table.Th>Duration</Table.Th>
            <Table.Th>Where it stands</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {executions.map((execution) => (
            <Table.Tr key={execution.workflow_execution_id}>
              <Table.Td>
                <State state={execution.workflow_status} />
              </Table.Td>
              <Table.Td style={{ whiteSpace: "nowrap" }}>
                {isOfOne ? (
                  execution.workflow_version
                ) : (
                  <>
                    <div className="cell-text" style={{ maxWidth: 260 }} title={nameOf(execution)}>
                      <Link to="/workflows/$workflowId" params={{ workflowId: execution.workflow_id }}>
                        {nameOf(execution)}
                      </Link>
                    </div>
                    <div className="crumbs" style={{ margin: 0 }}>
                      version {execution.workflow_version}
                    </div>
                  </>
                )}
              </Table.Td>
              <Table.Td>
                <Link
                  className="mono"
                  to="/executions/$executionId"
                  params={{ executionId: execution.workflow_execution_id }}
                  title={execution.workflow_execution_id}
                >
                  {execution.workflow_execution_id.slice(-8)}
                </Link>
                {execution.process_id !== null && (
                  <div className="crumbs cell-text" style={{ margin: 0, maxWidth: 180 }} title={execution.process_id}>
                    {execution.process_id}
                  </div>
                )}
              </Table.Td>
              <Table.Td style={{ whiteSpace: "nowrap" }}>
                <Time at={instant(execution.created_on)} />
              </Table.Td>
              <Table.Td style={{ whiteSpace: "nowrap" }}>
                <Length execution={execution} />
              </Table.Td>
              <Table.Td>
                <div className="cell-text" style={{ maxWidth: 340 }} title={whereText(execution)}>
                  {whereText(execution)}
                </div>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}

export function nameOf(execution: ExecutionSummary): string {
  const { workflow_name: name } = execution.workflow_details;
  return typeof name === "string" ? name : "A workflow";
}

/** The steps under way, what it waits for, or why it came to its end. */
export function whereText(execution: ExecutionSummary): string {
  const { workflow_status: status, workflow_current_state: at, error } = execution;
  if (error !== null) {
    const step = error.step === null ? "" : `${error.step}: `;
    return `${step}${[error.name, error.message].filter((part) => part !== "").join(": ")}`;
  }
  if (isOver(status)) return "";
  return status === "Awaiting Response" ? `Waits for an answer at ${at}` : `At ${at}`;
}

/** How long it took, or has been taking. */
export function Length({ execution }: { execution: ExecutionSummary }) {
  if (execution.finished_on === null) return <Growing since={execution.created_on} />;
  return <>{duration(Math.max(0, execution.finished_on - execution.created_on))}</>;
}

function Growing({ since }: { since: number }) {
  const now = useNow();
  return <>{duration(Math.max(0, now - since))}</>;
}
