import { ActionIcon, Table } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { X } from "lucide-react";
import { CopyButton, Panel } from "../ui/parts";
import { duration, instantText, plural } from "../ui/words";
import { nameOf, typeText, type Step } from "../workflows/definition";
import { instant, type Execution } from "./queries";
import { reasonText } from "./reason";
import { ownStep, type Span } from "./spans";
import { Standing } from "./Timeline";

/** One step of an execution: what went in, what came out, and how often it was tried. */
export function StepPanel({
  step,
  spans,
  execution,
  onClose,
}: {
  step: Step;
  spans: Span[];
  execution: Execution;
  onClose: () => void;
}) {
  const own = spans.filter((span) => span.step === step.id);
  const last = own.at(-1);
  const within = new Set(
    spans.filter((span) => span.step !== step.id && ownStep(span.step) === step.id).map((span) => span.step),
  );
  return (
    <Panel
      title={nameOf(step)}
      actions={
        <ActionIcon variant="default" size={30} aria-label="Close the step" onClick={onClose}>
          <X size={16} />
        </ActionIcon>
      }
    >
      <div className="step-panel">
        <p style={{ margin: "0 0 8px" }}>
          <span className="crumbs">
            {typeText(step.type)} · <code>{step.id}</code>
          </span>{" "}
          {last === undefined ? <span className="state idle">Not come to</span> : <Standing span={last} />}
        </p>
        {last === undefined ? (
          <p className="crumbs">The execution has not come to this step, or went another way.</p>
        ) : (
          <>
            <Started execution={execution} step={step} spans={own} />
            {last.kind === "pause" && last.to === null && last.due !== null && (
              <p>
                It is tried again at <time dateTime={instant(last.due)}>{instantText(instant(last.due))}</time>.
              </p>
            )}
            <Failed spans={own} />
            <Data title="Input" value={latest(own, "input")} />
            <Data title="Output" value={last.outcome === "succeeded" ? last.output : undefined} />
            {within.size > 0 && <p className="crumbs">The timeline shows {plural(within.size, "step")} within it.</p>}
            <Attempts spans={own} />
          </>
        )}
      </div>
    </Panel>
  );
}

function latest(spans: Span[], field: "input"): unknown {
  return spans.findLast((span) => span.kind !== "pause")?.[field] ?? undefined;
}

function Failed({ spans }: { spans: Span[] }) {
  const last = spans.findLast((span) => span.kind !== "pause");
  if (last?.error == null) return null;
  return (
    <div className="fault" role="status">
      <strong>{reasonText(last.error)}</strong>
      <div className="mono" style={{ overflowWrap: "anywhere", whiteSpace: "pre-wrap" }}>
        {[last.error.name, last.error.message].filter((part) => part !== "").join(": ")}
      </div>
    </div>
  );
}

export function Data({ title, value }: { title: string; value: unknown }) {
  if (value === undefined) return null;
  const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  return (
    <>
      <h3>
        {title} <CopyButton text={text} what={title.toLowerCase()} />
      </h3>
      <pre className="result" aria-label={title} tabIndex={0}>
        {text}
      </pre>
    </>
  );
}

/** The runs and the other executions that this step has started. */
function Started({ execution, step, spans }: { execution: Execution; step: Step; spans: Span[] }) {
  const found = execution.started.filter((each) => ownStep(each.step) === step.id);
  const loose = looseExecution(step, spans);
  if (found.length === 0 && loose === null) return null;
  return (
    <>
      <h3>Started</h3>
      <ul style={{ margin: 0, paddingLeft: "1.2em" }}>
        {found.slice(0, 50).map((each) => (
          <li key={each.id}>
            {each.type === "run" ? (
              <Link to="/runs/$runId" params={{ runId: each.id }}>
                Run <span className="mono">{each.id.slice(-8)}</span>
              </Link>
            ) : (
              <ExecutionLink id={each.id} />
            )}
            {each.step !== step.id && <span className="crumbs"> {each.step}</span>}
            {each.attempt > 1 && <span className="crumbs"> attempt {each.attempt}</span>}
          </li>
        ))}
        {loose !== null && (
          <li>
            <ExecutionLink id={loose} />
            <span className="crumbs"> nobody waits for its end</span>
          </li>
        )}
      </ul>
    </>
  );
}

/** A step that does not wait for the execution that it starts has its id as the output. */
function looseExecution(step: Step, spans: Span[]): string | null {
  const output = spans.at(-1)?.output;
  return step.type === "workflow" && step.config?.wait === false && typeof output === "string" ? output : null;
}

function ExecutionLink({ id }: { id: string }) {
  return (
    <Link to="/executions/$executionId" params={{ executionId: id }}>
      Execution <span className="mono">{id.slice(-8)}</span>
    </Link>
  );
}

function Attempts({ spans }: { spans: Span[] }) {
  const attempts = spans.filter((span) => span.kind !== "pause");
  if (attempts.length < 2) return null;
  return (
    <>
      <h3>Attempts</h3>
      <div className="scroll">
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Attempt</Table.Th>
              <Table.Th>Outcome</Table.Th>
              <Table.Th>Took</Table.Th>
              <Table.Th>Message</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {attempts.map((span, index) => (
              <Table.Tr key={index}>
                <Table.Td>{span.attempt}</Table.Td>
                <Table.Td>
                  <Standing span={span} />
                </Table.Td>
                <Table.Td style={{ whiteSpace: "nowrap" }} title={`Began ${instantText(instant(span.from))}`}>
                  {span.to === null ? "–" : duration(Math.max(0, span.to - span.from))}
                </Table.Td>
                <Table.Td>
                  <div className="cell-text mono" style={{ maxWidth: 130 }} title={span.error?.message}>
                    {span.error === null ? "" : [span.error.name, span.error.message].join(": ")}
                  </div>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </div>
    </>
  );
}
