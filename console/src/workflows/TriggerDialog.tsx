import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { api, good, idempotencyKey } from "../api/client";
import { FormDialog } from "../ui/FormDialog";
import { JsonInput } from "../ui/JsonInput";
import { toast } from "../ui/toasts";
import { pathOf, type Version } from "./queries";

/** Starts an execution of the version, and goes to it. */
export function TriggerDialog({ version, onClose }: { version: Version; onClose: () => void }) {
  const navigate = useNavigate();
  const [text, setText] = useState(() => JSON.stringify(version.workflow_mock_payload ?? {}, null, 2));
  const fault = faultOf(text);
  return (
    <FormDialog
      title={`Trigger ${version.workflow_name}`}
      action="Trigger"
      isBlocked={fault !== null}
      onClose={onClose}
      onSave={async () => {
        const started = await good(
          api.POST("/v1/workflows/triggerworkflow/{workflow_id}/{workflow_version}", {
            params: { path: pathOf(version), header: { "idempotency-key": idempotencyKey() } },
            body: text.trim() === "" ? undefined : (JSON.parse(text) as unknown),
          }),
        );
        toast("Started");
        await navigate({
          to: "/executions/$executionId",
          params: { executionId: started.looply_execution_id },
        });
      }}
    >
      <JsonInput
        label="Payload"
        description="Any JSON; a process_id at its top names the execution. Empty: none"
        value={text}
        fault={fault}
        minRows={6}
        onChange={setText}
      />
    </FormDialog>
  );
}

function faultOf(text: string): string | null {
  if (text.trim() === "") return null;
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    return `This is not JSON: ${error instanceof Error ? error.message : ""}`;
  }
}
