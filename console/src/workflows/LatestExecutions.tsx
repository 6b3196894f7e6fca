import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ExecutionTable } from "../executions/ExecutionTable";
import { executionsQuery } from "../executions/queries";
import { Answer, Empty, Panel } from "../ui/parts";

/** The newest executions of a workflow. */
export function LatestExecutions({ workflowId }: { workflowId: string }) {
  const executions = useQuery(executionsQuery({ workflow: workflowId, limit: 10 }));
  return (
    <Panel
      title="Latest executions"
      padded={false}
      actions={
        <Link to="/executions" search={{ workflow: workflowId }}>
          All of them
        </Link>
      }
    >
      <Answer query={executions}>
        {(found) =>
          found.items.length === 0 ? (
            <Empty title="It was never started">
              Once a version is active, <b>Trigger</b> starts one with a payload of yours; so do the API and schedules.
            </Empty>
          ) : (
            <ExecutionTable executions={found.items} isOfOne />
          )
        }
      </Answer>
    </Panel>
  );
}
