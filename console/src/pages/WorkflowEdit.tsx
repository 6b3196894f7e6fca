import { Button, Group, Modal, Text } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useBlocker, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { api, good } from "../api/client";
import { may } from "../api/rights";
import { queryClient, useMe } from "../api/queries";
import { LinkButton } from "../ui/LinkButton";
import { Answer, Empty, Fault, Page, State, Time } from "../ui/parts";
import { toast } from "../ui/toasts";
import { Editor } from "../workflows/Editor";
import {
  documentOf,
  inputOf,
  pathOf,
  versionQuery,
  versionsQuery,
  workflowsChanged,
  type Version,
} from "../workflows/queries";
import { useEditing } from "../workflows/useEditing";

const CRUMBS = [{ label: "Workflows", link: { to: "/workflows" as const } }];

export function WorkflowEdit() {
  const { workflowId } = useParams({ from: "/app/workflows/$workflowId/edit" });
  const { version: wanted } = useSearch({ from: "/app/workflows/$workflowId/edit" });
  const versions = useQuery({ ...versionsQuery(workflowId), enabled: wanted === undefined });
  const number = wanted ?? versions.data?.[0]?.workflow_version;
  // What somebody else saves meanwhile does not change the text under one's hands.
  const version = useQuery({
    ...versionQuery(workflowId, number ?? 1),
    enabled: number !== undefined,
    staleTime: "static",
  });
  const me = useMe();
  if (version.data === undefined) {
    return (
      <Page title="Edit workflow" crumbs={CRUMBS}>
        <Answer query={number === undefined ? versions : version}>{() => null}</Answer>
      </Page>
    );
  }
  if (!may(me, "workflows_write", version.data.workspace_id)) {
    return (
      <Page title={version.data.workflow_name} crumbs={CRUMBS}>
        <div className="panel">
          <Empty title="Your role does not allow you to change workflows here">
            Ask an owner of the project for the role Contributor.
          </Empty>
        </div>
      </Page>
    );
  }
  return <Edit key={`${workflowId} ${version.data.workflow_version}`} version={version.data} />;
}

function Edit({ version }: { version: Version }) {
  const navigate = useNavigate();
  const [start] = useState(() => documentOf(version));
  const editing = useEditing(start, version.workspace_id);
  const { state, obstacle, isChanged, setSaved } = editing;
  const blocker = useBlocker({
    shouldBlockFn: () => isChanged,
    enableBeforeUnload: () => isChanged,
    withResolver: true,
  });
  const isDraft = version.workflow_status === "DRAFT";
  const params = { workflowId: version.workflow_id };

  const [met, setMet] = useState<Met | null>(null);

  const save = useMutation({
    mutationFn: async ({ activate, isSure = false }: { activate: boolean; isSure?: boolean }) => {
      if (isDraft && !isSure) {
        const stored = await read(version);
        if (stored.workflow_status === "DRAFT" && stored.modified_on !== version.modified_on) {
          setMet({ activate, at: stored.modified_on });
          return null;
        }
      }
      const item = isChanged || isSure || !isDraft ? await saved(version, state.document) : version;
      if (activate) await activated(item);
      return item;
    },
    onSuccess: async (item, { activate }) => {
      if (item === null) return;
      setSaved(state.document);
      queryClient.setQueryData(versionQuery(item.workflow_id, item.workflow_version).queryKey, item);
      toast(activate ? `Version ${item.workflow_version} is in force` : `Saved draft ${item.workflow_version}`);
      await workflowsChanged();
      if (activate) {
        await navigate({
          to: "/workflows/$workflowId",
          params,
          search: { version: item.workflow_version },
          ignoreBlocker: true,
        });
      } else if (item.workflow_version !== version.workflow_version) {
        await navigate({
          to: "/workflows/$workflowId/edit",
          params,
          search: { version: item.workflow_version },
          ignoreBlocker: true,
        });
      }
    },
  });

  return (
    <Page
      title={`Edit ${version.workflow_name}`}
      crumbs={[
        ...CRUMBS,
        {
          label: version.workflow_name,
          link: { to: "/workflows/$workflowId", params, search: { version: version.workflow_version } },
        },
      ]}
      about={
        <>
          Version {version.workflow_version} <State state={version.workflow_status} />{" "}
          <span className="crumbs">
            {isDraft ? (isChanged ? "with changes that are not saved" : "as it is saved") : "stays as it is: saving makes the next draft"}
          </span>
        </>
      }
      actions={
        <>
          <LinkButton to="/workflows/$workflowId" params={params} search={{ version: version.workflow_version }} variant="default">
            Close
          </LinkButton>
          <Button variant="default" loading={save.isPending} disabled={obstacle !== null} onClick={() => save.mutate({ activate: false })}>
            {isDraft ? "Save" : "Save as next draft"}
          </Button>
          <Button loading={save.isPending} disabled={obstacle !== null} onClick={() => save.mutate({ activate: true })}>
            {isDraft ? "Save and activate" : "Save and activate as next version"}
          </Button>
        </>
      }
    >
      {obstacle !== null && (
        <div className="warnings" role="status" style={{ margin: "0 0 16px", paddingLeft: 14 }}>
          {obstacle}
        </div>
      )}
      {save.error !== null && (
        <div style={{ marginBottom: 16 }}>
          <Fault error={save.error} />
        </div>
      )}
      <Editor editing={editing} project={version.workspace_id} />
      {met !== null && (
        <Overwrite
          at={met.at}
          onKeep={() => setMet(null)}
          onSave={() => {
            setMet(null);
            save.mutate({ activate: met.activate, isSure: true });
          }}
        />
      )}
      {blocker.status === "blocked" && <Leave onStay={blocker.reset} onLeave={blocker.proceed} />}
    </Page>
  );
}

/** Somebody else's save of the same draft, found when one wants to save. */
interface Met {
  activate: boolean;
  at: number;
}

/** The version as it is stored, past what the page remembers of it. */
async function read({ workflow_id, workflow_version }: Version): Promise<Version> {
  const query = { workflow_id, workflow_version: String(workflow_version) };
  return (await good(api.GET("/v1/workflows/getWorkflowById", { params: { query } }))).item;
}

async function saved(version: Version, document: Parameters<typeof inputOf>[0]): Promise<Version> {
  const { item } = await good(
    api.PUT("/v1/workflows/{workflow_id}/{workflow_version}", {
      params: { path: pathOf(version) },
      body: inputOf(document),
    }),
  );
  return item;
}

async function activated(version: Version): Promise<void> {
  await good(
    api.POST("/v1/workflows/{workflow_id}/{workflow_version}/activate", {
      params: { path: pathOf(version) },
    }),
  );
}

function Overwrite({ at, onKeep, onSave }: { at: number; onKeep: () => void; onSave: () => void }) {
  return (
    <Modal opened onClose={onKeep} title="Replace what somebody else saved?">
      <Text mb="md">
        This draft was saved by somebody else, or in another window, <Time at={new Date(at).toISOString()} />.
        Saving puts what you see here in its place.
      </Text>
      <Group justify="flex-end">
        <Button variant="default" data-autofocus onClick={onKeep}>
          Keep theirs for now
        </Button>
        <Button color="red.8" onClick={onSave}>
          Save mine instead
        </Button>
      </Group>
    </Modal>
  );
}

function Leave({ onStay, onLeave }: { onStay: () => void; onLeave: () => void }) {
  return (
    <Modal opened onClose={onStay} title="Leave what is not saved?">
      <Text mb="md">The changes since the last save are lost.</Text>
      <Group justify="flex-end">
        <Button variant="default" data-autofocus onClick={onStay}>
          Stay
        </Button>
        <Button color="red.8" onClick={onLeave}>
          Leave
        </Button>
      </Group>
    </Modal>
  );
}
