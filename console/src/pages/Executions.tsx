import { Button, Group, Select, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { ChevronRight, ChevronsLeft } from "lucide-react";
import { ExecutionTable } from "../executions/ExecutionTable";
import { EXECUTION_STATUSES, executionsQuery, type Place } from "../executions/queries";
import { WorkflowSelect } from "../executions/WorkflowSelect";
import { Answer, Empty, Page } from "../ui/parts";
import { plural, stateText } from "../ui/words";

export function Executions() {
  const search = useSearch({ from: "/app/executions" });
  const navigate = useNavigate({ from: "/executions" });
  const status = EXECUTION_STATUSES.find((each) => each === search.state);
  const executions = useQuery(
    executionsQuery({
      workflow: search.workflow,
      status,
      project: search.project,
      after: placeOf(search.after),
    }),
  );
  const isFiltered = status !== undefined || search.workflow !== undefined;
  const go = (part: Partial<typeof search>) =>
    void navigate({ search: (old) => ({ ...old, after: undefined, ...part }) });
  return (
    <Page title="Executions">
      <section className="panel" aria-label="Executions">
        <header>
          <WorkflowSelect
            aria-label="Workflow"
            placeholder="All workflows"
            clearable
            clearButtonProps={{ "aria-label": "All workflows" }}
            project={search.project}
            value={search.workflow ?? null}
            onChange={(workflow) => go({ workflow: workflow ?? undefined })}
            style={{ flex: "0 1 280px" }}
          />
          <Select
            aria-label="State"
            placeholder="All states"
            clearable
            clearButtonProps={{ "aria-label": "All states" }}
            data={EXECUTION_STATUSES.map((each) => ({ value: each, label: stateText(each) }))}
            value={status ?? null}
            onChange={(value) => go({ state: value ?? undefined })}
            style={{ flex: "0 1 200px" }}
          />
        </header>
        <Answer query={executions}>
          {(page) =>
            page.items.length === 0 && search.after === undefined ? (
              isFiltered ? (
                <Empty title="No execution is like this">Take a filter away to see more.</Empty>
              ) : (
                <Empty title="No workflow has been started yet">
                  Start one on its page, by a schedule, or through the API. Each execution is listed here,
                  with its steps, what went into them and what came out.
                </Empty>
              )
            ) : (
              <>
                <ExecutionTable executions={page.items} />
                <Group gap="xs" px="sm" py="xs" justify="flex-end">
                  <Text size="sm" c="dimmed" role="status">
                    {plural(page.items.length, "execution")}
                    {page.lastKey == null ? "" : ", and more"}
                  </Text>
                  <Button
                    size="xs"
                    variant="default"
                    disabled={search.after === undefined}
                    leftSection={<ChevronsLeft size={14} />}
                    onClick={() => go({})}
                  >
                    Newest
                  </Button>
                  <Button
                    size="xs"
                    variant="default"
                    disabled={page.lastKey == null}
                    rightSection={<ChevronRight size={14} />}
                    onClick={() => {
                      const key = page.lastKey;
                      if (key != null) go({ after: `${key.workflow_id}.${key.workflow_execution_id}` });
                    }}
                  >
                    Older
                  </Button>
                </Group>
              </>
            )
          }
        </Answer>
      </section>
    </Page>
  );
}

function placeOf(text: string | undefined): Place | undefined {
  const [workflow, execution] = (text ?? "").split(".");
  return workflow === undefined || execution === undefined ? undefined : { workflow, execution };
}
