import { Handle, Position, type Node, type NodeProps } from "@xyflow/react";
import { nameOf, typeText, type Step } from "./definition";
import type { StepState } from "./Graph";
import { StepIcon } from "./StepIcon";

export type StepNodeType = Node<{ step: Step; state: StepState | undefined }, "step">;

export function StepNode({ data: { step, state }, isConnectable }: NodeProps<StepNodeType>) {
  return (
    <div className={`graph-step ${state?.tone ?? ""}`} title={nameOf(step)}>
      <Handle type="target" position={Position.Top} isConnectable={isConnectable} />
      <StepIcon type={step.type} />
      <div className="graph-step-words">
        <strong>{nameOf(step)}</strong>
        <small>
          {typeText(step.type)}
          {state !== undefined && <span className="graph-step-state"> · {state.text}</span>}
        </small>
      </div>
      <Handle type="source" position={Position.Bottom} isConnectable={isConnectable && step.type !== "terminate"} />
    </div>
  );
}
