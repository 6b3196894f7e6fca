import { BaseEdge, EdgeLabelRenderer, type Edge, type EdgeProps } from "@xyflow/react";
import { MAX_LABEL_WIDTH, pathThrough, type PlacedConnection } from "./layout";

export type ConnectionEdgeType = Edge<Pick<PlacedConnection, "points" | "label">, "connection">;

/** Along the points of the layout, which lead around the steps. */
export function ConnectionEdge({ data, markerEnd }: EdgeProps<ConnectionEdgeType>) {
  const label = data?.label;
  return (
    <>
      <BaseEdge path={pathThrough(data?.points ?? [])} markerEnd={markerEnd} interactionWidth={24} />
      {label != null && (
        <EdgeLabelRenderer>
          <div
            className="graph-label"
            title={label.text}
            style={{
              transform: `translate(-50%, -50%) translate(${label.x}px, ${label.y}px)`,
              maxWidth: MAX_LABEL_WIDTH,
            }}
          >
            {label.text}
          </div>
        </EdgeLabelRenderer>
      )}
    </>
  );
}
