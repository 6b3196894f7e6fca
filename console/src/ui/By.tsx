import { Link } from "@tanstack/react-router";
import type { Schemas } from "../api/client";

/** Who started or changed something: by name, and what is no person or key as what it is. */
export function By({ actor }: { actor: Schemas["ActorBody"] }) {
  if (actor.href.includes("/v1/schedules/")) {
    return (
      <Link to="/schedules/$scheduleId" params={{ scheduleId: actor.id }}>
        a schedule
      </Link>
    );
  }
  if (actor.href.includes("/v1/workflows/")) {
    return (
      <Link to="/workflows/$workflowId" params={{ workflowId: actor.id }}>
        a workflow
      </Link>
    );
  }
  return <>{actor.name}</>;
}
