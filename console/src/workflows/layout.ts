/** Where the steps of a graph are drawn, from top to bottom, and the ways between them. Pure. */

import { Graph, layout, type EdgeLabel, type GraphLabel, type NodeLabel, type Point } from "@dagrejs/dagre";
import { conditionText, type Connection, type Step } from "./definition";

export const STEP_WIDTH = 216;
export const STEP_HEIGHT = 60;
const LABEL_HEIGHT = 22;
const LETTER_WIDTH = 7;
export const MAX_LABEL_WIDTH = 180;

export interface PlacedStep {
  step: Step;
  /** The top left corner. */
  x: number;
  y: number;
}

export interface PlacedConnection {
  connection: Connection;
  /** Its place among the connections that were given. */
  index: number;
  /** From the step it leaves to the step it leads to. */
  points: Point[];
  /** What stands at it, and the middle of where. */
  label: { text: string; x: number; y: number } | null;
}

export interface Layout {
  steps: PlacedStep[];
  connections: PlacedConnection[];
}

/**
 * Places every step, and every connection between two of them; one that leads to no step is left out.
 * The same graph is always placed in the same way.
 */
export function placed(steps: readonly Step[], connections: readonly (Connection | null)[]): Layout {
  const graph = new Graph<GraphLabel, NodeLabel, EdgeLabel>({ multigraph: true });
  graph.setGraph({ rankdir: "TB", nodesep: 36, ranksep: 44, edgesep: 20, marginx: 8, marginy: 8 });
  const ids = new Set(steps.map((step) => step.id));
  for (const id of ids) graph.setNode(id, { width: STEP_WIDTH, height: STEP_HEIGHT });
  const drawn = connections.flatMap((connection, index) =>
    connection !== null && ids.has(connection.from) && ids.has(connection.to)
      ? [{ connection, index }]
      : [],
  );
  for (const { connection, index } of drawn) {
    const width = labelWidth(conditionText(connection));
    const size = { width, height: width === 0 ? 0 : LABEL_HEIGHT, labelpos: "c" as const };
    graph.setEdge(connection.from, connection.to, size, String(index));
  }
  layout(graph);
  return {
    steps: steps.map((step) => {
      const { x = 0, y = 0 } = graph.node(step.id);
      return { step, x: x - STEP_WIDTH / 2, y: y - STEP_HEIGHT / 2 };
    }),
    connections: drawn.map(({ connection, index }) => {
      const { points = [], x = 0, y = 0 } = graph.edge(connection.from, connection.to, String(index));
      const text = conditionText(connection);
      return { connection, index, points, label: text === "" ? null : { text, x, y } };
    }),
  };
}

function labelWidth(text: string): number {
  return text === "" ? 0 : Math.min(MAX_LABEL_WIDTH, text.length * LETTER_WIDTH + 14);
}

/** A line through the points that is round where it bends. */
export function pathThrough(points: readonly Point[]): string {
  const [first, ...rest] = points;
  const last = rest.pop();
  if (first === undefined || last === undefined) return "";
  const bends = rest.map((point, index) => {
    const next = rest[index + 1];
    const end = next === undefined ? last : { x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 };
    return ` Q ${at(point)} ${at(end)}`;
  });
  return `M ${at(first)}${bends.length === 0 ? ` L ${at(last)}` : bends.join("")}`;
}

function at(point: Point): string {
  return `${Math.round(point.x * 10) / 10} ${Math.round(point.y * 10) / 10}`;
}
