/** Server-sent events with a token: the browser's own reader of them cannot send one. */

import { authorizedFetch, errorOf } from "../api/client";
import { EventReader, type ServerEvent } from "./reader";

const AGAIN_MS = 1000;

/**
 * Hands over events, those after the id `after`, until one of the name `end`; a cut connection goes
 * on where it was. Throws ApiError where the server refuses, and returns when the signal says so.
 */
export async function follow(
  path: string,
  onEvents: (events: ServerEvent[]) => void,
  signal: AbortSignal,
  after: string | null = null,
): Promise<void> {
  let last = after;
  while (!signal.aborted) {
    try {
      const headers: Record<string, string> = last === null ? {} : { "Last-Event-ID": last };
      const request = new Request(new URL(path, location.origin), { headers, signal });
      const response = await authorizedFetch(request);
      if (!response.ok && response.status < 500) {
        throw errorOf(response, await response.json().catch(() => null));
      }
      if (response.ok && response.body !== null) {
        const reader = new EventReader();
        const stream = response.body.pipeThrough(new TextDecoderStream()).getReader();
        for (;;) {
          const { done, value } = await stream.read();
          if (done) break;
          const events = reader.read(value);
          for (const event of events) last = event.id ?? last;
          if (events.length > 0) onEvents(events);
          if (events.some((event) => event.name === "end")) return;
        }
      }
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") return;
      if (error instanceof Error && "status" in error && error.status !== 0) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}
