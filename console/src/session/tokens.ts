/**
 * Where the session's tokens live: in this browser's IndexedDB for this origin, shared by its tabs
 * (ADR 11). Nothing else of the console reads or writes them.
 *
 * Not in localStorage: each tab reads a copy of that, which may be older than what another tab has
 * just written. Here a read sees every write that was completed before it began, and a refresh token
 * that was read too late would end the session.
 */

export interface Tokens {
  access: string;
  refresh: string;
  /** Milliseconds since 1970, by this machine's clock. */
  expiresAt: number;
}

export interface Issued {
  access_token: string;
  refresh_token: string;
  expires_in: number;
}

/** `byHand`: somebody logged out here; else the server ended it, or another tab did. */
type Listener = (byHand: boolean) => void;

const DATABASE = "treadle";
const STORE = "session";
const KEY = "tokens";

const listeners = new Set<Listener>();
const otherTabs = new BroadcastChannel("treadle.session");
otherTabs.onmessage = () => listeners.forEach((listener) => listener(false));

export async function readTokens(): Promise<Tokens | null> {
  const found = await inStore<Tokens | undefined>("readonly", (store) => store.get(KEY));
  return found ?? null;
}

export async function keepTokens(issued: Issued, now: number): Promise<Tokens> {
  const tokens: Tokens = {
    access: issued.access_token,
    refresh: issued.refresh_token,
    expiresAt: now + issued.expires_in * 1000,
  };
  await inStore("readwrite", (store) => store.put(tokens, KEY));
  return tokens;
}

export async function forgetTokens(byHand: boolean): Promise<void> {
  await inStore("readwrite", (store) => store.delete(KEY));
  listeners.forEach((listener) => listener(byHand));
  otherTabs.postMessage("ended");
}

/** Calls back when the session ends, in this tab or in another one. */
export function onSessionEnd(listener: Listener): void {
  listeners.add(listener);
}

let opened: Promise<IDBDatabase> | null = null;

function open(): Promise<IDBDatabase> {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => {
      opened = null;
      reject(new Error("The browser keeps no data for this page; allow it to, and load again."));
    };
  });
  return opened;
}

/** One transaction; what the request found, when the transaction is complete. */
async function inStore<T>(
  mode: IDBTransactionMode,
  ask: (store: IDBObjectStore) => IDBRequest,
): Promise<T> {
  const transaction = (await open()).transaction(STORE, mode);
  const request = ask(transaction.objectStore(STORE));
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve(request.result as T);
    transaction.onabort = () => reject(transaction.error ?? new Error("The browser stored nothing."));
  });
}
