import { ActionIcon, Anchor, Select } from "@mantine/core";
import { Trash2 } from "lucide-react";
import { useEffect, useRef } from "react";
import { plural } from "../ui/words";
import { AddStep } from "./AddStep";
import { nameOf, stepsOf, type Step } from "./definition";
import { addStep, remove } from "./document";
import { beginWith, freed, within } from "./nesting";
import type { StepType } from "./queries";
import { StepIcon } from "./StepIcon";
import type { Level } from "./useLevel";

/** The steps within a step, in its form: each opens in the graph of them. */
export function InnerSteps({ level, step, types }: { level: Level; step: Step; types: readonly StepType[] }) {
  const document = within(level.document, [step.id]);
  const steps = stepsOf(document.workflow_steps);
  const faults = level.faults(step.id).steps;
  const after = steps.at(-1)?.id ?? null;
  const add = (type: StepType) => {
    const config = freed(type.example, level.takenIds);
    const added = addStep(document, { type: type.type, config }, after, level.takenIds);
    level.changeWithin(step.id, added.document);
    level.enter(step.id, added.id);
  };
  return (
    <div role="group" aria-label={`Steps in ${nameOf(step)}`}>
      {steps.length === 0 && <p className="crumbs">No step yet: at least one is needed.</p>}
      <ol className="step-list inner-steps">
        {steps.map((each) => (
          <li key={each.id}>
            <button type="button" onClick={() => level.enter(step.id, each.id)}>
              <StepIcon type={each.type} size={16} />
              <span className="cell-text">{nameOf(each)}</span>
              {faults[each.id] !== undefined && (
                <span className="state bad">{plural(faults[each.id]?.length ?? 0, "fault")}</span>
              )}
              <small className="mono">{each.type}</small>
            </button>
            <ActionIcon
              variant="default"
              size={28}
              aria-label={`Delete ${nameOf(each)}`}
              onClick={() => level.changeWithin(step.id, remove(document, [each.id], []))}
            >
              <Trash2 size={14} />
            </ActionIcon>
          </li>
        ))}
      </ol>
      <AddStep label="Add to these" variant="default" types={types} after={after} onAdd={add} />
      <BeginWith steps={steps} onBegin={(id) => level.changeWithin(step.id, beginWith(document, id))} />
    </div>
  );
}

/** Which step is taken first: the first in the list of them. */
export function BeginWith({ steps, onBegin }: { steps: readonly Step[]; onBegin: (id: string) => void }) {
  if (steps.length < 2) return null;
  return (
    <Select
      label="Begins with"
      mt="xs"
      allowDeselect={false}
      data={steps.map((each) => ({ value: each.id, label: nameOf(each) }))}
      value={steps[0]?.id ?? null}
      onChange={(id) => {
        if (id !== null) onBegin(id);
      }}
    />
  );
}

/** Within which steps one is, and the way back. */
export function Levels({ outer, onLeave }: { outer: readonly Step[]; onLeave: (depth: number) => void }) {
  const depth = outer.length;
  const here = useRef<HTMLElement>(null);
  const before = useRef(depth);
  useEffect(() => {
    // What was pressed to come here is gone: the keyboard and a screen reader go on from here.
    if (depth !== before.current) here.current?.focus();
    before.current = depth;
  }, [depth]);
  return (
    <nav className={depth === 0 ? "visually-hidden" : "levels"} aria-label="Within">
      {["Workflow", ...outer.map(nameOf)].map((name, index) =>
        index === depth ? (
          <strong key={index} ref={here} tabIndex={-1} aria-current="step">
            {name}
          </strong>
        ) : (
          <span key={index}>
            <Anchor component="button" type="button" onClick={() => onLeave(index)}>
              {name}
            </Anchor>
            {" / "}
          </span>
        ),
      )}
    </nav>
  );
}
