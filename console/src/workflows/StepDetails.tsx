import { ChevronRight } from "lucide-react";
import { Panel } from "../ui/parts";
import { connectionsOf, conditionText, isObject, nameOf, stepsOf, type Connection, type Step } from "./definition";
import type { Fault } from "./faults";
import { FaultList } from "./FaultList";
import { StepIcon } from "./StepIcon";

/** All steps in their order, to choose one of: what the graph shows, as a list. */
export function StepList({ steps, onSelect }: { steps: readonly Step[]; onSelect: (id: string) => void }) {
  return (
    <Panel title="Steps" padded={false}>
      <ul className="step-list">
        {steps.map((step) => (
          <li key={step.id}>
            <button type="button" onClick={() => onSelect(step.id)}>
              <StepIcon type={step.type} size={16} />
              <span className="cell-text">{nameOf(step)}</span>
              <small className="mono">{step.type}</small>
            </button>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

/** What a step says. */
export function StepDetails({
  step,
  connections,
  faults = [],
}: {
  step: Step;
  connections: readonly (Connection | null)[];
  faults?: readonly Fault[];
}) {
  return (
    <Panel title={nameOf(step)}>
      <FaultList faults={faults} />
      <StepFacts step={step} connections={connections} />
    </Panel>
  );
}

function StepFacts({ step, connections }: { step: Step; connections: readonly (Connection | null)[] }) {
  const config = step.config ?? {};
  const ways = connections.filter((way): way is Connection => way?.from === step.id);
  const more: [string, unknown][] = [
    ["Output goes to", step.result],
    ["Retry", step.retry],
    ["Timeout, seconds", step.timeout_seconds],
  ];
  const inner = stepsOf(config.steps);
  return (
    <dl className="facts">
      <dt>Id</dt>
      <dd className="mono">{step.id}</dd>
      <dt>Type</dt>
      <dd className="mono">{step.type}</dd>
      {Object.entries(config)
        .filter(([name]) => inner.length === 0 || (name !== "steps" && name !== "connections"))
        .map(([name, value]) => (
          <Said key={name} name={name} value={value} isMono />
        ))}
      {inner.length > 0 && <dt className="mono">steps</dt>}
      {inner.length > 0 && (
        <dd>
          <InnerFacts steps={inner} connections={connectionsOf(config.connections)} />
        </dd>
      )}
      {more.map(([name, value]) => (value === undefined ? null : <Said key={name} name={name} value={value} />))}
      {ways.length > 0 && <dt>Goes on to</dt>}
      {ways.length > 0 && (
        <dd>
          {ways.map((way, index) => (
            <div key={index}>{[way.to, conditionText(way)].filter(Boolean).join(": ")}</div>
          ))}
        </dd>
      )}
    </dl>
  );
}

/** The steps within a step: each opens, and says the same. */
function InnerFacts({ steps, connections }: { steps: readonly Step[]; connections: readonly (Connection | null)[] }) {
  return (
    <ol className="step-list inner-steps">
      {steps.map((step) => (
        <li key={step.id}>
          <details>
            <summary>
              <ChevronRight className="opens" size={14} aria-hidden />
              <StepIcon type={step.type} size={16} />
              <span className="cell-text">{nameOf(step)}</span>
              <small className="mono">{step.type}</small>
            </summary>
            <StepFacts step={step} connections={connections} />
          </details>
        </li>
      ))}
    </ol>
  );
}

function Said({ name, value, isMono = false }: { name: string; value: unknown; isMono?: boolean }) {
  return (
    <>
      <dt className={isMono ? "mono" : undefined}>{name}</dt>
      <dd>
        <pre className="result" tabIndex={0}>{textOfValue(value)}</pre>
      </dd>
    </>
  );
}

function textOfValue(value: unknown): string {
  if (typeof value === "string") return value;
  return isObject(value) || Array.isArray(value) ? JSON.stringify(value, null, 2) : String(value);
}
