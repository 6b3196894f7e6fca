/**
 * The one way from the console to the server: the public HTTP contracts, with the types of our own
 * OpenAPI document, the session's token, and errors that a person can read.
 */

import createClient from "openapi-fetch";
import { freshTokens, renewTokens } from "../session/session";
import type { components, paths } from "./schema.gen";

export type Schemas = components["schemas"];

/** What went wrong, in the server's words. `status` 0: it was not reached. */
export class ApiError extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly requestId: string | null,
  ) {
    super(message);
    this.name = "ApiError";
  }

  /** What the reader can do about it. */
  get advice(): string {
    switch (true) {
      case this.status === 0:
        return "Look whether the server runs and the network is there; then try again.";
      case this.status === 401:
        return "Log in again.";
      case this.status === 403:
        return "Ask an administrator, or an owner of the project, for a role that allows it.";
      case this.status === 404:
        return "It may have been deleted, or it is in a project that you are not a member of.";
      case this.status === 409:
        return "Somebody may have changed it meanwhile: look at it again.";
      case this.status === 413:
        return "Send less at once.";
      case this.status === 429 || this.status === 503:
        return "Wait a moment, then try again.";
      case this.status >= 500:
        return `It is a fault of the server. Its log tells more under ${this.requestId ?? "this time"}.`;
      default:
        return "Change what the message names, then try again.";
    }
  }
}

const UNREACHED = "The server cannot be reached.";

/** `fetch` with the session's token; renewed and sent again, once, where it is refused. */
export async function authorizedFetch(request: Request): Promise<Response> {
  const again = request.clone();
  try {
    const tokens = await freshTokens();
    if (tokens !== null) request.headers.set("Authorization", `Bearer ${tokens.access}`);
    const response = await fetch(request);
    if (response.status !== 401 || tokens === null) return response;
    const renewed = await renewTokens(tokens);
    if (renewed === null) return response;
    again.headers.set("Authorization", `Bearer ${renewed.access}`);
    return await fetch(again);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(UNREACHED, 0, null);
  }
}

export const api = createClient<paths>({
  baseUrl: location.origin,
  fetch: authorizedFetch,
});

/** The body of a good answer. Throws ApiError for any other. */
export async function good<T>(
  call: Promise<{ data?: T; error?: unknown; response: Response }>,
): Promise<T> {
  const { data, error, response } = await call;
  if (!response.ok) throw errorOf(response, error);
  return data as T;
}

export function errorOf(response: Response, body: unknown): ApiError {
  return new ApiError(
    messageOf(body) ?? `The server answered ${response.status}.`,
    response.status,
    response.headers.get("x-request-id"),
  );
}

/** Each contract has its own shape of errors; all of them have a sentence. */
export function messageOf(body: unknown): string | null {
  if (typeof body !== "object" || body === null) return null;
  const found = body as Record<string, unknown>;
  if (typeof found.message === "string") return found.message;
  if (typeof found.error_description === "string") return found.error_description;
  if (typeof found.detail === "string") return found.detail;
  if (Array.isArray(found.detail)) {
    const faults = found.detail as { loc?: (string | number)[]; msg?: string }[];
    return faults
      .map((fault) => `${(fault.loc ?? []).slice(1).join(".")}: ${fault.msg ?? ""}`)
      .join("; ");
  }
  return null;
}

/** A key that makes a POST safe to be sent twice. */
export function idempotencyKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
