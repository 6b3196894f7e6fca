import { Button, Radio, Select, Stack, TextInput } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState, type SyntheticEvent } from "react";
import { api, good } from "../api/client";
import { may } from "../api/rights";
import { projectsQuery, useMe } from "../api/queries";
import { LinkButton } from "../ui/LinkButton";
import { Fault, Page, Panel } from "../ui/parts";
import { toast } from "../ui/toasts";
import { EXAMPLES } from "../workflows/examples";
import { inputOf, workflowsChanged } from "../workflows/queries";

export function NewWorkflow() {
  const me = useMe();
  const { project } = useSearch({ from: "/app" });
  const navigate = useNavigate();
  const projects = useQuery(projectsQuery);
  const writable = projects.data?.filter((each) => may(me, "workflows_write", each.id)) ?? [];
  const [name, setName] = useState("");
  const [projectId, setProjectId] = useState<string | null>(project ?? null);
  const [chosen, setChosen] = useState(EXAMPLES[0]);
  const create = useMutation({
    mutationFn: () =>
      good(
        api.POST("/v1/workflows", {
          body: {
            ...inputOf({ workflow_name: name, ...chosen.definition } as Parameters<typeof inputOf>[0]),
            workspace_id: projectId ?? writable[0]?.id,
          },
        }),
      ),
    onSuccess: async ({ item }) => {
      toast(`Created ${item.workflow_name}`);
      await workflowsChanged();
      await navigate({
        to: "/workflows/$workflowId/edit",
        params: { workflowId: item.workflow_id },
        search: { version: item.workflow_version },
      });
    },
  });
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    create.mutate();
  };
  return (
    <Page title="New workflow" crumbs={[{ label: "Workflows", link: { to: "/workflows" } }]}>
      <form onSubmit={submit}>
        <Panel title="Workflow" padded={false}>
          <Stack p="md" maw={640}>
            {create.error !== null && <Fault error={create.error} />}
            <TextInput label="Name" required maxLength={200} autoFocus value={name} onChange={(event) => setName(event.currentTarget.value)} />
            {writable.length > 1 && (
              <Select
                label="Project"
                description="Who may see and change it; it cannot be changed later"
                data={writable.map((each) => ({ value: each.id, label: each.name }))}
                value={projectId ?? writable[0]?.id ?? null}
                onChange={setProjectId}
                allowDeselect={false}
                searchable
              />
            )}
            <Radio.Group
              label="Begins as"
              description="Each of them runs; you change it next"
              value={chosen.value}
              onChange={(value) => setChosen(EXAMPLES.find((each) => each.value === value) ?? EXAMPLES[0])}
            >
              <Stack gap="xs" mt="xs">
                {EXAMPLES.map((each) => (
                  <Radio key={each.value} value={each.value} label={each.label} description={each.description} />
                ))}
              </Stack>
            </Radio.Group>
          </Stack>
          <div className="foot">
            <LinkButton to="/workflows" variant="default">
              Cancel
            </LinkButton>
            <Button type="submit" loading={create.isPending}>
              Create draft
            </Button>
          </div>
        </Panel>
      </form>
    </Page>
  );
}
