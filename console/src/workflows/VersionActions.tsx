import { Button, Menu } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Ellipsis, Pencil, Play, Zap } from "lucide-react";
import { useState } from "react";
import { api, good } from "../api/client";
import { may } from "../api/rights";
import { useMe } from "../api/queries";
import { Confirm } from "../ui/Confirm";
import { LinkButton } from "../ui/LinkButton";
import { toast, toastError } from "../ui/toasts";
import { plural } from "../ui/words";
import type { Fault } from "./faults";
import { pathOf, workflowsChanged, type Version } from "./queries";
import { TriggerDialog } from "./TriggerDialog";

/** What can be done with a version by whoever looks at it. */
export function VersionActions({
  version,
  isOnly,
  onFaults,
}: {
  version: Version;
  isOnly: boolean;
  onFaults: (faults: Fault[]) => void;
}) {
  const me = useMe();
  const [dialog, setDialog] = useState<"trigger" | "archive" | "delete" | null>(null);
  const close = () => setDialog(null);
  const status = version.workflow_status;
  const mayWrite = may(me, "workflows_write", version.workspace_id);
  const mayRun = may(me, "workflows_run", version.workspace_id);
  const activate = useMutation({
    mutationFn: () => activated(version),
    onSuccess: async () => {
      toast(`Version ${version.workflow_version} is in force`);
      await workflowsChanged();
    },
    onError: toastError,
  });
  return (
    <>
      {status === "ACTIVE" && mayRun && (
        <Button leftSection={<Zap size={15} />} onClick={() => setDialog("trigger")}>
          Trigger
        </Button>
      )}
      {(status === "DRAFT" || status === "ARCHIVED") && mayWrite && (
        <Button variant={status === "DRAFT" ? "filled" : "default"} leftSection={<Play size={15} />} loading={activate.isPending} onClick={() => activate.mutate()}>
          Activate
        </Button>
      )}
      {mayWrite && (
        <LinkButton
          to="/workflows/$workflowId/edit"
          params={{ workflowId: version.workflow_id }}
          search={{ version: version.workflow_version }}
          variant="default"
          leftSection={<Pencil size={15} />}
        >
          {status === "DRAFT" ? "Edit" : "New draft"}
        </LinkButton>
      )}
      <More version={version} mayWrite={mayWrite} onFaults={onFaults} onArchive={() => setDialog("archive")} onDelete={() => setDialog("delete")} />
      {dialog === "trigger" && <TriggerDialog version={version} onClose={close} />}
      <Archive version={version} opened={dialog === "archive"} onClose={close} />
      <DeleteDraft version={version} isOnly={isOnly} opened={dialog === "delete"} onClose={close} />
    </>
  );
}

function activated(version: Version) {
  return good(
    api.POST("/v1/workflows/{workflow_id}/{workflow_version}/activate", { params: { path: pathOf(version) } }),
  );
}

function More({
  version,
  mayWrite,
  onFaults,
  onArchive,
  onDelete,
}: {
  version: Version;
  mayWrite: boolean;
  onFaults: (faults: Fault[]) => void;
  onArchive: () => void;
  onDelete: () => void;
}) {
  const me = useMe();
  const status = version.workflow_status;
  const validate = useMutation({
    mutationFn: () =>
      good(
        api.POST("/v1/workflows/{workflow_id}/{workflow_version}/validate", { params: { path: pathOf(version) } }),
      ),
    onSuccess: ({ errors }) => {
      onFaults(errors);
      if (errors.length === 0) toast("Nothing is wrong with it");
      else toast(`${plural(errors.length, "fault")}, shown at the steps`, true);
    },
    onError: toastError,
  });
  const toggle = useMutation({
    mutationFn: (action: "PAUSE" | "PLAY") =>
      good(
        api.POST("/v1/workflows/toggleScheduledWorkflow", {
          body: { workflow_id: version.workflow_id, workflow_version: version.workflow_version, action },
        }),
      ),
    onSuccess: async ({ status: now }) => {
      toast(now === "PAUSED" ? "It is due no more until it is resumed" : "It is due again");
      await workflowsChanged();
    },
    onError: toastError,
  });
  const isScheduled =
    version.workflow_trigger_type === "SCHEDULE" && may(me, "schedules_write", version.workspace_id);
  const isInForce = status === "ACTIVE" || status === "PAUSED";
  if (!mayWrite && !(isScheduled && isInForce)) return null;
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button variant="default" px={10} aria-label="More actions">
          <Ellipsis size={16} />
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {isScheduled && status === "ACTIVE" && <Menu.Item onClick={() => toggle.mutate("PAUSE")}>Pause its schedule</Menu.Item>}
        {isScheduled && status === "PAUSED" && <Menu.Item onClick={() => toggle.mutate("PLAY")}>Resume its schedule</Menu.Item>}
        {mayWrite && <Menu.Item onClick={() => validate.mutate()}>Validate</Menu.Item>}
        {mayWrite && isInForce && <Menu.Item onClick={onArchive}>Archive</Menu.Item>}
        {mayWrite && status === "DRAFT" && <Menu.Item onClick={onDelete}>Delete draft</Menu.Item>}
      </Menu.Dropdown>
    </Menu>
  );
}

function Archive({ version, opened, onClose }: { version: Version; opened: boolean; onClose: () => void }) {
  return (
    <Confirm
      opened={opened}
      title="Archive the version?"
      action="Archive"
      onClose={onClose}
      onConfirm={async () => {
        await good(
          api.POST("/v1/workflows/{workflow_id}/{workflow_version}/archive", { params: { path: pathOf(version) } }),
        );
        toast(`Archived version ${version.workflow_version}`);
        await workflowsChanged();
      }}
    >
      Version {version.workflow_version} of <strong>{version.workflow_name}</strong> is not started any more. What
      runs of it goes on.
    </Confirm>
  );
}

function DeleteDraft({
  version,
  isOnly,
  opened,
  onClose,
}: {
  version: Version;
  isOnly: boolean;
  opened: boolean;
  onClose: () => void;
}) {
  const navigate = useNavigate();
  return (
    <Confirm
      opened={opened}
      title="Delete the draft?"
      action="Delete"
      onClose={onClose}
      onConfirm={async () => {
        await good(
          api.DELETE("/v1/workflows/{workflow_id}/{workflow_version}", { params: { path: pathOf(version) } }),
        );
        toast(`Deleted draft ${version.workflow_version}`);
        if (isOnly) {
          await navigate({ to: "/workflows" });
        } else {
          await navigate({
            to: "/workflows/$workflowId",
            params: { workflowId: version.workflow_id },
            search: { version: undefined },
          });
          await workflowsChanged();
        }
      }}
    >
      Version {version.workflow_version} of <strong>{version.workflow_name}</strong> is gone
      {isOnly ? ", and with it the workflow." : "; the other versions stay."}
    </Confirm>
  );
}
