/** What the caller may do: what is not allowed is not offered. The server decides all the same. */

import type { Schemas } from "./client";

export type Me = Schemas["MeBody"];

/** Whether the right is held: in the tenant, in this project, or (without one) in some project. */
export function may(me: Me, right: string, projectId?: string): boolean {
  if (me.rights.includes(right) || me.rights_in_every_project.includes(right)) return true;
  return me.projects.some(
    (held) =>
      (projectId === undefined || held.project_id === projectId) && held.rights.includes(right),
  );
}

export function isLetIn(me: Me): boolean {
  return me.application_role !== null || me.projects.length > 0;
}
