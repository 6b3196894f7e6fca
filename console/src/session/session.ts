/**
 * The session: logging in, going on with fresh tokens, logging out.
 *
 * A refresh token works once, and presented twice it ends the session. So of all tabs one refreshes
 * at a time, under a lock of the browser, and looks first whether another one has done it.
 */

import { forgetTokens, keepTokens, readTokens, type Issued, type Tokens } from "./tokens";

/** Tokens this near to their end are renewed before they are used. */
const MARGIN_MS = 60_000;

export class LoginRefused extends Error {
  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message);
  }
}

export async function logIn(username: string, password: string): Promise<void> {
  const response = await fetch("/api/login", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ username, password }),
  });
  if (!response.ok) {
    const body = (await response.json().catch(() => ({}))) as { message?: string };
    throw new LoginRefused(body.message ?? `The server answered ${response.status}.`, response.status);
  }
  await keepTokens((await response.json()) as Issued, Date.now());
}

export async function logOut(): Promise<void> {
  const tokens = await readTokens();
  if (tokens === null) return;
  try {
    await fetch("/api/logout", {
      method: "POST",
      headers: { Authorization: `Bearer ${tokens.access}` },
    });
  } finally {
    await forgetTokens(true);
  }
}

let underWay: Promise<Tokens | null> | null = null;

/** Other tokens than `stale`; null if the session has ended. Throws if the server is out of reach. */
export function renewTokens(stale: Tokens): Promise<Tokens | null> {
  underWay ??= exclusively(() => renew(stale)).finally(() => {
    underWay = null;
  });
  return underWay;
}

async function renew(stale: Tokens): Promise<Tokens | null> {
  const current = await readTokens();
  if (current === null) return null;
  if (current.access !== stale.access) return current;
  const response = await fetch("/api/login/refresh", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ refresh_token: current.refresh }),
  });
  if (response.ok) return keepTokens((await response.json()) as Issued, Date.now());
  if (response.status >= 500 || response.status === 429) {
    throw new Error(`The session could not be renewed: ${response.status}.`);
  }
  await forgetTokens(false);
  return null;
}

/** Over plain HTTP from another machine browsers have no locks; then tabs only look first. */
function exclusively<T>(work: () => Promise<T>): Promise<T> {
  const locks = (navigator as { locks?: LockManager }).locks;
  return locks === undefined ? work() : (locks.request("treadle.session", work) as Promise<T>);
}

/** The tokens to be used now; null without a session. */
export async function freshTokens(): Promise<Tokens | null> {
  const tokens = await readTokens();
  if (tokens === null || tokens.expiresAt - Date.now() > MARGIN_MS) return tokens;
  return renewTokens(tokens);
}
