import { Button } from "@mantine/core";
import { useState } from "react";
import { api, good } from "../api/client";
import { FormDialog } from "../ui/FormDialog";
import { JsonInput } from "../ui/JsonInput";
import { Empty, Panel } from "../ui/parts";
import { toast } from "../ui/toasts";
import { parseObject } from "../ui/words";
import { pathOf, workflowsChanged, type Version } from "./queries";

/** What a payload must look like, and one to try things with. */
export function PayloadPanel({ version, mayWrite }: { version: Version; mayWrite: boolean }) {
  const [isDetecting, setIsDetecting] = useState(false);
  const isDraft = version.workflow_status === "DRAFT";
  const hasSchema = Object.keys(version.workflow_schema).length > 0;
  const detect = mayWrite && isDraft && (
    <Button size="xs" variant="default" onClick={() => setIsDetecting(true)}>
      Read it off a payload
    </Button>
  );
  return (
    <div className="cols">
      <Panel title="Schema" actions={hasSchema && detect}>
        {hasSchema ? (
          <pre className="result" tabIndex={0}>{JSON.stringify(version.workflow_schema, null, 2)}</pre>
        ) : (
          <Empty title="Any payload starts it" action={detect || undefined}>
            With a JSON Schema, a start whose payload is not like it is refused, with the place of each fault.
          </Empty>
        )}
      </Panel>
      <Panel title="Payload to try it with">
        {version.workflow_mock_payload == null ? (
          <Empty title="None yet">It fills the form when somebody triggers the workflow here.</Empty>
        ) : (
          <pre className="result" tabIndex={0}>{JSON.stringify(version.workflow_mock_payload, null, 2)}</pre>
        )}
      </Panel>
      {isDetecting && <Detect version={version} onClose={() => setIsDetecting(false)} />}
    </div>
  );
}

function Detect({ version, onClose }: { version: Version; onClose: () => void }) {
  const [text, setText] = useState(() => JSON.stringify(version.workflow_mock_payload ?? {}, null, 2));
  const fault = faultOf(text);
  return (
    <FormDialog
      title="Read the schema off a payload"
      action="Read"
      isBlocked={fault !== null}
      onClose={onClose}
      onSave={async () => {
        await good(
          api.POST("/v1/workflows/{workflow_id}/{workflow_version}/detectSchema", {
            params: { path: pathOf(version) },
            body: { payload: parseObject(text) as Record<string, never> },
          }),
        );
        toast("The draft has this schema now");
        await workflowsChanged();
      }}
    >
      <JsonInput label="Payload" description="A JSON object as it will come" value={text} fault={fault} minRows={6} onChange={setText} />
    </FormDialog>
  );
}

function faultOf(text: string): string | null {
  try {
    parseObject(text);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
