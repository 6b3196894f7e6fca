import { Button, Textarea } from "@mantine/core";
import { MessageSquareReply, RotateCcw, Square } from "lucide-react";
import { useState } from "react";
import { api, good } from "../api/client";
import { may } from "../api/rights";
import { useMe } from "../api/queries";
import { FormDialog } from "../ui/FormDialog";
import { toast } from "../ui/toasts";
import { AnswerDialog } from "./AnswerDialog";
import { executionsChanged, isOver, type Execution } from "./queries";
import { RetryDialog } from "./RetryDialog";
import { questionsOf, type Entry, type Span } from "./spans";

/** What can be done to an execution, for whoever may. */
export function Actions({
  execution,
  entries,
  spans,
  names,
  step,
}: {
  execution: Execution;
  entries: Entry[];
  spans: Span[];
  names: ReadonlyMap<string, string>;
  /** The chosen step: where a retry begins. */
  step: string | null;
}) {
  const me = useMe();
  const [dialog, setDialog] = useState<"retry" | "terminate" | null>(null);
  // Who is typing goes on typing, also when somebody else has answered meanwhile.
  const [answered, setAnswered] = useState<Span | null>(null);
  if (!may(me, "workflows_run", execution.workspace_id)) return null;
  const close = () => setDialog(null);
  const status = execution.workflow_status;
  const question = questionsOf(spans)[0];
  return (
    <>
      {question !== undefined && (
        <Button leftSection={<MessageSquareReply size={15} />} onClick={() => setAnswered(question)}>
          Answer
        </Button>
      )}
      {(status === "Failed" || status === "Terminated") && (
        <Button variant="default" leftSection={<RotateCcw size={15} />} onClick={() => setDialog("retry")}>
          {step === null ? "Retry" : "Retry from here"}
        </Button>
      )}
      {!isOver(status) && (
        <Button variant="default" leftSection={<Square size={14} />} onClick={() => setDialog("terminate")}>
          Terminate
        </Button>
      )}
      {answered !== null && (
        <AnswerDialog
          execution={execution}
          question={answered}
          name={names.get(answered.step) ?? answered.step}
          onClose={() => setAnswered(null)}
        />
      )}
      {dialog === "retry" && (
        <RetryDialog execution={execution} entries={entries} start={step} onClose={close} />
      )}
      {dialog === "terminate" && <TerminateDialog execution={execution} onClose={close} />}
    </>
  );
}

function TerminateDialog({ execution, onClose }: { execution: Execution; onClose: () => void }) {
  const [reason, setReason] = useState("");
  const end = async () => {
    await good(
      api.POST("/v1/workflows/terminateworkflow/{process_id}", {
        params: { path: { process_id: execution.workflow_execution_id } },
        body: { termination_reason: reason.trim() },
      }),
    );
    toast("Terminated");
    await executionsChanged();
  };
  return (
    <FormDialog title="Terminate the execution?" action="Terminate" onSave={end} onClose={onClose}>
      <div>
        It ends here, with all that is under way in it: runs and executions that it waits for are stopped. A
        terminated execution can be retried.
      </div>
      <Textarea
        label="Reason"
        description="Stands in its event log"
        autosize
        maxLength={2000}
        data-autofocus
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
      />
    </FormDialog>
  );
}
