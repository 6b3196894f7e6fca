/**
 * The graph of a definition. It is large: load it with `lazy(() => import("…/Graph"))` or from a page
 * that is loaded lazily itself.
 */

import "@xyflow/react/dist/base.css";
import "./graph.css";
import { ActionIcon } from "@mantine/core";
import {
  MarkerType,
  Panel,
  Position,
  ReactFlow,
  ReactFlowProvider,
  useReactFlow,
  useStore,
  type EdgeChange,
  type NodeChange,
  type NodeHandle,
} from "@xyflow/react";
import { Maximize, ZoomIn, ZoomOut } from "lucide-react";
import { useEffect, useMemo } from "react";
import { nameOf, typeText, type Connection, type Step } from "./definition";
import { ConnectionEdge, type ConnectionEdgeType } from "./ConnectionEdge";
import { placed, STEP_HEIGHT, STEP_WIDTH, type PlacedConnection, type PlacedStep } from "./layout";
import { StepNode, type StepNodeType } from "./StepNode";

export type Tone = "good" | "bad" | "busy" | "idle";

/** How a step stands: its colour, and the word that says the same. */
export interface StepState {
  tone: Tone;
  text: string;
}

/** What a change of the graph by hand is told to. Without it, the graph is only looked at. */
export interface GraphEditing {
  onConnect: (from: string, to: string) => void;
  /** Ids of steps, and indices into `connections`. */
  onDelete: (steps: string[], connections: number[]) => void;
  /** The chosen connection, as its index. */
  selectedConnection: number | null;
  onSelectConnection: (index: number | null) => void;
}

export interface GraphProps {
  steps: readonly Step[];
  /** Null is a place that holds none: the others keep their indices. */
  connections: readonly (Connection | null)[];
  /** By the id of the step. */
  states?: Readonly<Record<string, StepState>>;
  selected?: string | null;
  onSelect?: (id: string | null) => void;
  editing?: GraphEditing;
  /** What the graph is, for a screen reader. */
  label: string;
}

const NODE_TYPES = { step: StepNode };
const EDGE_TYPES = { connection: ConnectionEdge };
const HANDLES: NodeHandle[] = [
  { type: "target", position: Position.Top, x: STEP_WIDTH / 2, y: 0, width: 1, height: 1 },
  { type: "source", position: Position.Bottom, x: STEP_WIDTH / 2, y: STEP_HEIGHT, width: 1, height: 1 },
];
/** A step that can be chosen is a button, pressed or not, and called what it shows. */
const PRESSED = {
  yes: { ariaRole: "button", ariaLabel: undefined, domAttributes: { "aria-pressed": true } },
  no: { ariaRole: "button", ariaLabel: undefined, domAttributes: { "aria-pressed": false } },
} as const;
const WORDS = {
  "node.a11yDescription.default": "Enter chooses the step.",
  "node.a11yDescription.keyboardDisabled": "Enter chooses the step, Escape chooses none.",
  "edge.a11yDescription.default": "Enter chooses the connection, Escape chooses none.",
};
const FIT = { maxZoom: 1, padding: 0.08 };
/** Below the buttons. */
const TOP = 56;
/** Below this the names could not be read: one moves the graph instead. */
const MIN_FIT = { ...FIT, minZoom: 0.55 };

export function Graph(props: GraphProps) {
  return (
    <div className="graph" role="region" aria-label={props.label}>
      <ReactFlowProvider>
        <Drawn {...props} />
      </ReactFlowProvider>
    </div>
  );
}

function Drawn({ steps, connections, states = {}, selected = null, onSelect, editing }: GraphProps) {
  const drawn = useMemo(() => placed(steps, connections), [steps, connections]);
  const names = new Map(steps.map((step) => [step.id, nameOf(step)]));
  const chosen = editing?.selectedConnection ?? null;
  const nodes = drawn.steps.map((each) => ({
    ...nodeOf(each, states[each.step.id], each.step.id === selected),
    ...(onSelect !== undefined && PRESSED[each.step.id === selected ? "yes" : "no"]),
  }));
  const edges = drawn.connections.map((each) => edgeOf(each, names, each.index === chosen));
  const onNodesChange = (changes: NodeChange<StepNodeType>[]) => {
    const id = chosenAmong(changes);
    if (id !== undefined) onSelect?.(id);
  };
  const onEdgesChange = (changes: EdgeChange<ConnectionEdgeType>[]) => {
    const id = chosenAmong(changes);
    if (id !== undefined) editing?.onSelectConnection(id === null ? null : Number(id));
  };
  return (
    <ReactFlow<StepNodeType, ConnectionEdgeType>
      nodes={nodes}
      edges={edges}
      nodeTypes={NODE_TYPES}
      edgeTypes={EDGE_TYPES}
      onNodesChange={onNodesChange}
      onEdgesChange={onEdgesChange}
      onConnect={({ source, target }) => editing?.onConnect(source, target)}
      onDelete={(gone) =>
        editing?.onDelete(
          gone.nodes.map((node) => node.id),
          gone.edges.map((edge) => Number(edge.id)),
        )
      }
      nodesDraggable={false}
      nodesConnectable={editing !== undefined}
      elementsSelectable={onSelect !== undefined}
      edgesFocusable={editing !== undefined}
      deleteKeyCode={editing === undefined ? null : ["Delete", "Backspace"]}
      multiSelectionKeyCode={null}
      selectionKeyCode={null}
      ariaLabelConfig={WORDS}
      // The wheel scrolls the page; with Ctrl or ⌘ it zooms.
      zoomOnScroll={false}
      preventScrolling={false}
      zoomOnDoubleClick={false}
      minZoom={0.1}
      maxZoom={1.5}
      fitView
      fitViewOptions={MIN_FIT}
      proOptions={{ hideAttribution: true }}
    >
      <Controls />
      <Refit count={steps.length} />
    </ReactFlow>
  );
}

function nodeOf({ step, x, y }: PlacedStep, state: StepState | undefined, selected: boolean): StepNodeType {
  const said = [typeText(step.type), state?.text].filter(Boolean).join(" · ");
  return {
    id: step.id,
    type: "step",
    position: { x, y },
    width: STEP_WIDTH,
    height: STEP_HEIGHT,
    measured: { width: STEP_WIDTH, height: STEP_HEIGHT },
    handles: HANDLES,
    selected,
    data: { step, state },
    ariaLabel: `${nameOf(step)} ${said}`,
  };
}

function edgeOf(
  { connection, index, points, label }: PlacedConnection,
  names: ReadonlyMap<string, string>,
  selected: boolean,
): ConnectionEdgeType {
  const from = names.get(connection.from) ?? connection.from;
  const to = names.get(connection.to) ?? connection.to;
  const isError = connection.on === "error";
  return {
    id: String(index),
    type: "connection",
    source: connection.from,
    target: connection.to,
    selected,
    className: isError ? "on-error" : undefined,
    data: { points, label },
    ariaLabel: `From ${from} to ${to}${label === null ? "" : `, ${label.text}`}`,
    markerEnd: {
      type: MarkerType.ArrowClosed,
      width: 16,
      height: 16,
      color: selected ? "var(--busy)" : isError ? "var(--bad)" : "var(--idle)",
    },
  };
}

/** What is chosen after these changes; null: nothing any more; undefined: as before. */
function chosenAmong(changes: readonly { type: string }[]): string | null | undefined {
  const found = changes.filter(
    (change): change is { type: "select"; id: string; selected: boolean } => change.type === "select",
  );
  if (found.length === 0) return undefined;
  return found.find((change) => change.selected)?.id ?? null;
}

function Controls() {
  const flow = useReactFlow();
  const button = { variant: "default", size: 32 } as const;
  return (
    <Panel position="top-right" className="graph-controls">
      <ActionIcon {...button} aria-label="Zoom in" onClick={() => void flow.zoomIn()}>
        <ZoomIn size={16} />
      </ActionIcon>
      <ActionIcon {...button} aria-label="Zoom out" onClick={() => void flow.zoomOut()}>
        <ZoomOut size={16} />
      </ActionIcon>
      <ActionIcon {...button} aria-label="Show all" onClick={() => void flow.fitView(FIT)}>
        <Maximize size={16} />
      </ActionIcon>
    </Panel>
  );
}

/** Shows the whole graph again when a step has come or gone, or there is another room for it. */
function Refit({ count }: { count: number }) {
  const { fitView, getNodes, getNodesBounds, getViewport, setViewport } = useReactFlow();
  const width = useStore((state) => state.width);
  const height = useStore((state) => state.height);
  useEffect(() => {
    void fitView(MIN_FIT).then(() => {
      const { x, zoom } = getViewport();
      const bounds = getNodesBounds(getNodes());
      // What is too long to be shown whole is shown from its beginning.
      if (bounds.height * zoom > height) void setViewport({ x, y: TOP - bounds.y * zoom, zoom });
    });
  }, [count, width, height, fitView, getNodes, getNodesBounds, getViewport, setViewport]);
  return null;
}
