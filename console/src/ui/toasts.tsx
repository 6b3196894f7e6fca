/** Short news at the edge of the page. */

import { CloseButton } from "@mantine/core";
import { useSyncExternalStore } from "react";
import { ApiError } from "../api/client";

interface Toast {
  id: number;
  text: string;
  isBad: boolean;
}

const SHOWN_MS = 6000;
let toasts: readonly Toast[] = [];
let nextId = 1;
const listeners = new Set<() => void>();

function change(to: readonly Toast[]): void {
  toasts = to;
  listeners.forEach((listener) => listener());
}

function close(id: number): void {
  change(toasts.filter((toast) => toast.id !== id));
}

export function toast(text: string, isBad = false): void {
  const id = nextId++;
  change([...toasts.slice(-3), { id, text, isBad }]);
  // What went wrong stays until it has been read.
  if (!isBad) setTimeout(() => close(id), SHOWN_MS);
}

export function toastError(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  toast(error instanceof ApiError ? `${message} ${error.advice}` : message, true);
}

export function Toasts() {
  const shown = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => toasts,
  );
  return (
    <div className="toasts" role="status" aria-live="polite">
      {shown.map((toast) => (
        <div key={toast.id} className={toast.isBad ? "toast bad" : "toast"}>
          <span className="spring">{toast.text}</span>
          <CloseButton size="sm" aria-label="Dismiss" onClick={() => close(toast.id)} />
        </div>
      ))}
    </div>
  );
}
