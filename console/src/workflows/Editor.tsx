import { Button, Textarea, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Redo2, Undo2 } from "lucide-react";
import { Answer, Panel } from "../ui/parts";
import { AddStep } from "./AddStep";
import { ConnectionForm, WaysOn } from "./ConnectionForms";
import { nameOf } from "./definition";
import {
  addStep,
  changeConnection,
  changeStep,
  connect,
  remove,
  renameStep,
  type Document,
} from "./document";
import { FaultList } from "./FaultList";
import { faultStates } from "./faultStates";
import { Graph } from "./Graph";
import { BeginWith, InnerSteps, Levels } from "./InnerSteps";
import { JsonField, Unfinished } from "./JsonField";
import { beginWith, freed } from "./nesting";
import { stepTypesQuery, type StepType } from "./queries";
import { StepForm } from "./StepForm";
import type { EditingHook } from "./useEditing";
import { useLevel, type Chosen } from "./useLevel";

/** What is chosen when nothing of this kind is any more: the other kind may have just been chosen. */
function without(kind: "step" | "connection", chosen: Chosen): Chosen {
  return chosen !== null && kind in chosen ? null : chosen;
}

/** The graph, the form of what is chosen in it, and the JSON of all of it. */
export function Editor({ editing, project }: { editing: EditingHook; project: string }) {
  const types = useQuery(stepTypesQuery);
  return (
    <Answer query={types}>
      {(found) => (
        <Unfinished value={editing.unfinished}>
          <Desk editing={editing} project={project} types={found} />
        </Unfinished>
      )}
    </Answer>
  );
}

function Desk({ editing, project, types }: { editing: EditingHook; project: string; types: readonly StepType[] }) {
  const { state, edit } = editing;
  const level = useLevel(editing);
  const { document, steps, connections, chosen, choose, change } = level;
  const isBlocked = state.fault !== null;
  const faults = level.faults();
  const map = level.outer.at(-1);
  const step = chosen !== null && "step" in chosen ? steps.find((each) => each.id === chosen.step) : undefined;
  const place = chosen !== null && "connection" in chosen ? chosen.connection : null;
  const connection = place === null ? null : (connections[place] ?? null);
  const after = step?.id ?? steps.at(-1)?.id ?? null;
  const discard = (ids: string[], places: number[]) => {
    choose(null);
    change(remove(document, ids, places));
  };
  const add = (type: StepType) => {
    const added = addStep(document, { type: type.type, config: freed(type.example, level.takenIds) }, after, level.takenIds);
    change(added.document);
    choose({ step: added.id });
  };
  return (
    <div className="cols form-and-preview">
      <div>
        <section className="panel" aria-label="Graph">
          <header>
            <fieldset className="plain" disabled={isBlocked}>
              <AddStep label="Add step" types={types} after={after} onAdd={add} />
              <Button size="xs" variant="default" leftSection={<Undo2 size={15} />} disabled={state.past.length === 0} onClick={() => edit({ kind: "undo" })}>
                Undo
              </Button>
              <Button size="xs" variant="default" leftSection={<Redo2 size={15} />} disabled={state.future.length === 0} onClick={() => edit({ kind: "redo" })}>
                Redo
              </Button>
            </fieldset>
            <span className="spring" />
            <Judgement editing={editing} />
          </header>
          <Levels outer={level.outer} onLeave={level.leave} />
          <Graph
            key={level.outer.map((each) => each.id).join(" ")}
            label={map === undefined ? "Graph of the draft" : `Graph of the steps in ${nameOf(map)}`}
            steps={steps}
            connections={connections}
            states={faultStates(faults)}
            selected={step?.id ?? null}
            onSelect={(id) => choose((old) => (id === null ? without("step", old) : { step: id }))}
            editing={{
              onConnect: (from, to) => change(connect(document, from, to)),
              onDelete: discard,
              selectedConnection: place,
              onSelectConnection: (index) =>
                choose((old) => (index === null ? without("connection", old) : { connection: index })),
            }}
          />
        </section>
        {faults.rest.length > 0 && <FaultList faults={faults.rest} />}
        {step !== undefined && (
          <Panel title={nameOf(step)}>
            <FaultList faults={faults.steps[step.id] ?? []} />
            <fieldset className="plain" disabled={isBlocked}>
              <StepForm
                key={step.id}
                step={step}
                types={types}
                takenIds={level.takenIds}
                project={project}
                onChange={(part, of) => change(changeStep(document, step.id, part), `${step.id} ${of}`)}
                onRename={(id) => {
                  change(renameStep(document, step.id, id));
                  choose({ step: id });
                }}
                onDelete={() => discard([step.id], [])}
                inner={<InnerSteps level={level} step={step} types={types} />}
              >
                <WaysOn
                  step={step}
                  steps={steps}
                  connections={connections}
                  onConnect={(to) => change(connect(document, step.id, to))}
                  onSelect={(index) => choose({ connection: index })}
                />
              </StepForm>
            </fieldset>
          </Panel>
        )}
        {connection !== null && place !== null && (
          <Panel title="Connection">
            <FaultList faults={faults.connections[place] ?? []} />
            <fieldset className="plain" disabled={isBlocked}>
              <ConnectionForm
                connection={connection}
                steps={steps}
                onChange={(part, of) => change(changeConnection(document, place, part), `${place} ${of}`)}
                onDelete={() => discard([], [place])}
              />
            </fieldset>
          </Panel>
        )}
        {step === undefined && connection === null && map === undefined && <WholeForm editing={editing} />}
        {step === undefined && connection === null && map !== undefined && (
          <Panel title={`Steps in ${nameOf(map)}`}>
            <fieldset className="plain" disabled={isBlocked}>
              <BeginWith
                steps={steps}
                onBegin={(id) => change(beginWith(document, id))}
              />
            </fieldset>
            <p className="crumbs">
              Choose a step or a connection in the graph to change it. Each item of the list takes these steps, and
              is <code>item</code> in their expressions.
            </p>
          </Panel>
        )}
      </div>
      <JsonPanel editing={editing} />
    </div>
  );
}

/** Whether it could be saved, in a few words. */
function Judgement({ editing }: { editing: EditingHook }) {
  const { faults, isJudged, validation } = editing;
  const places = [
    ...Object.keys(faults.steps),
    ...Object.keys(faults.connections).map((index) => `connection ${Number(index) + 1}`),
  ];
  const isBad = places.length > 0 || faults.rest.length > 0;
  return (
    <span role="status" aria-label="Validation">
      {validation.error !== null ? (
        <span className="state bad">{validation.error.message}</span>
      ) : !isJudged ? (
        <span className="state idle">Looking at it</span>
      ) : isBad ? (
        <span className="state bad">{places.length > 0 ? `Faults at ${places.slice(0, 3).join(", ")}` : "Has faults"}</span>
      ) : (
        <span className="state good">Valid</span>
      )}
    </span>
  );
}

/** What is said of the workflow itself: shown while nothing is chosen. */
function WholeForm({ editing }: { editing: EditingHook }) {
  const { state, edit } = editing;
  const change = (part: Partial<Document>, of: string) =>
    edit({ kind: "change", to: { ...state.document, ...part }, of });
  return (
    <Panel title="Workflow">
      <fieldset className="plain stacked" disabled={state.fault !== null}>
        <TextInput label="Name" required maxLength={200} value={state.document.workflow_name} onChange={(event) => change({ workflow_name: event.currentTarget.value }, "name")} />
        <JsonField at="workflow_schema" label="Schema of the payload" description="A JSON Schema that every start is held to; empty or {}: any payload" value={state.document.workflow_schema} onChange={(value) => change({ workflow_schema: value ?? {} }, "schema")} />
        <JsonField at="workflow_mock_payload" label="Payload to try it with" description="Any JSON" value={state.document.workflow_mock_payload ?? undefined} onChange={(value) => change({ workflow_mock_payload: value ?? null }, "payload")} />
        <p className="crumbs">
          Choose a step or a connection in the graph to change it. Drag from the lower dot of a step to another
          one to connect them; Delete removes what is chosen.
        </p>
      </fieldset>
    </Panel>
  );
}

function JsonPanel({ editing }: { editing: EditingHook }) {
  const { state, edit } = editing;
  return (
    <section className="panel beside" aria-label="JSON">
      <header>
        <h2>JSON</h2>
        {state.fault !== null && (
          <Button size="xs" variant="default" onClick={() => edit({ kind: "discard" })}>
            Discard what is no workflow
          </Button>
        )}
      </header>
      <div className="inside">
        <Textarea
          aria-label="The workflow as JSON"
          spellCheck={false}
          rows={32}
          error={state.fault}
          className="json-editor"
          value={state.text}
          onChange={(event) => edit({ kind: "type", text: event.currentTarget.value })}
        />
      </div>
    </section>
  );
}
