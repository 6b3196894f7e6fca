/** Asking the server again after a change. */

import type { QueryKey } from "@tanstack/react-query";
import { queryClient } from "./queries";

/**
 * Each question whose key starts with one of these is asked again: at once where its answer is on
 * screen, else when it is next. Resolves when what is on screen is as it was after the change.
 */
export async function refresh(...keys: QueryKey[]): Promise<void> {
  await Promise.all(keys.map(refreshOne));
}

async function refreshOne(queryKey: QueryKey): Promise<void> {
  // To invalidate starts a running question anew only if it was answered before and is on screen.
  // Any other may have been asked before the change, and its answer would pass for a fresh one.
  const older = queryClient.getQueryCache().findAll({
    queryKey,
    fetchStatus: "fetching",
    predicate: (query) => query.state.data === undefined || !query.isActive(),
  });
  // eslint-disable-next-line no-restricted-syntax -- the one place
  await Promise.allSettled([queryClient.invalidateQueries({ queryKey }), ...older.map((query) => query.promise)]);
  // eslint-disable-next-line no-restricted-syntax -- the one place
  await queryClient.invalidateQueries({ queryKey, predicate: (query) => older.includes(query) });
}
