import { SegmentedControl, Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, good } from "../api/client";
import { FormDialog } from "../ui/FormDialog";
import { JsonInput } from "../ui/JsonInput";
import { toast } from "../ui/toasts";
import { parseObject } from "../ui/words";
import { faultOf } from "../schedules/draft";
import { isObject } from "../workflows/definition";
import { versionQuery } from "../workflows/queries";
import { AnswerFields } from "./AnswerFields";
import { answerOf, fieldsOf, missing } from "./form";
import { executionsChanged, type Execution } from "./queries";
import type { Span } from "./spans";

/** Who may always answer, beside the integrations of the workflow. */
const SOURCES = ["TEAMS", "SAP"];

/** Answers what an execution waits for: by the form that the step asks with, or as JSON. */
export function AnswerDialog({
  execution,
  question,
  name,
  onClose,
}: {
  execution: Execution;
  question: Span;
  name: string;
  onClose: () => void;
}) {
  const config = isObject(question.input) ? question.input : {};
  const fields = fieldsOf(config.form);
  const version = useQuery(versionQuery(execution.workflow_id, execution.workflow_version));
  const bound = Array.isArray(config.sources) ? config.sources.filter((each) => typeof each === "string") : null;
  const sources = bound ?? [...SOURCES, ...Object.keys(version.data?.workflow_integrations ?? {})];
  const [chosen, setChosen] = useState<string | null>(null);
  const source = chosen ?? sources[0] ?? "TEAMS";
  const [texts, setTexts] = useState<Record<string, string>>({});
  const [json, setJson] = useState<string | null>(fields.length === 0 ? "{}" : null);
  const fault = json === null ? faultOf(() => answerOf(fields, texts)) : faultOf(() => parseObject(json));
  const open = json === null ? missing(fields, texts) : [];
  const save = async () => {
    const answer = json === null ? answerOf(fields, texts) : parseObject(json);
    const told = await good(
      api.POST("/v1/workflows/{action}/{process_id}", {
        params: { path: { action: "resumeworkflow", process_id: execution.workflow_execution_id } },
        body: { ...answer, source },
      }),
    );
    if (told.message === "restarted") toast("Answered: the execution goes on");
    else toast("Somebody had answered before: this answer was not taken", true);
    await executionsChanged();
  };
  return (
    <FormDialog title={`Answer “${name}”`} action="Answer" isBlocked={fault !== null || open.length > 0} onSave={save} onClose={onClose}>
      {fields.length > 0 && (
        <SegmentedControl
          aria-label="How the answer is written"
          data={[
            { value: "form", label: "Form" },
            { value: "json", label: "JSON" },
          ]}
          value={json === null ? "form" : "json"}
          onChange={(look) => setJson(look === "json" ? jsonOf(() => answerOf(fields, texts)) : null)}
        />
      )}
      {json === null ? (
        <AnswerFields fields={fields} texts={texts} onChange={setTexts} />
      ) : (
        <JsonInput label="Answer" description="A JSON object: all of it is what the step gives" minRows={6} value={json} fault={fault} onChange={setJson} />
      )}
      <Select
        label="Source"
        description="In whose name it is answered; the step sees it as source"
        data={sources}
        allowDeselect={false}
        value={source}
        onChange={setChosen}
      />
    </FormDialog>
  );
}

function jsonOf(work: () => unknown): string {
  try {
    return JSON.stringify(work(), null, 2);
  } catch {
    // What was half typed is typed anew as JSON.
    return "{}";
  }
}
