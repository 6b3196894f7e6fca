/** The small parts that all pages are made of. */

import { ActionIcon, Anchor, Button, Group, Loader, Tooltip } from "@mantine/core";
import { Link, type LinkProps } from "@tanstack/react-router";
import { Check, Copy } from "lucide-react";
import { useEffect, useState, type ReactNode } from "react";
import { ApiError } from "../api/client";
import { copyText } from "./clipboard";
import { useNow } from "./clock";
import { toastError } from "./toasts";
import { instantText, relative, stateText } from "./words";

const TONES: Readonly<Record<string, string>> = {
  FINISHED: "good",
  ERROR: "bad",
  FAILED: "bad",
  RUNNING: "busy turning",
  INITIALIZING: "busy turning",
  QUEUED: "idle",
  WAITING: "idle",
  CANCELLED: "idle",
  succeeded: "good",
  failed: "bad",
  missed: "bad",
  running: "busy turning",
  pending: "busy",
  upcoming: "busy",
  active: "good",
  "In Progress": "busy turning",
  "Awaiting Response": "busy",
  Completed: "good",
  Failed: "bad",
  ACTIVE: "good",
  DRAFT: "busy",
};

export function toneOf(state: string): string {
  return (TONES[state] ?? "idle").split(" ")[0] ?? "idle";
}

export function State({ state }: { state: string }) {
  return <span className={`state ${TONES[state] ?? "idle"}`}>{stateText(state)}</span>;
}

/** An instant as its distance from now; the whole of it is in the tooltip. */
export function Time({ at }: { at: string }) {
  const now = useNow();
  return (
    <time dateTime={at} title={instantText(at)}>
      {relative(at, now)}
    </time>
  );
}

export interface Crumb {
  label: string;
  link: LinkProps;
}

export function Page({
  title,
  crumbs = [],
  about,
  actions,
  children,
}: {
  title: string;
  crumbs?: Crumb[];
  about?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}) {
  useEffect(() => {
    document.title = `${title} · Treadle`;
  }, [title]);
  return (
    <div className="page">
      <div className="page-head">
        <div className="title">
          {crumbs.length > 0 && (
            <nav aria-label="Where this is" className="crumbs">
              {crumbs.map((crumb) => (
                <span key={crumb.label}>
                  <Link {...crumb.link}>{crumb.label}</Link>
                  {" / "}
                </span>
              ))}
            </nav>
          )}
          <h1>{title}</h1>
          {about !== undefined && <div>{about}</div>}
        </div>
        {actions !== undefined && <Group gap="xs">{actions}</Group>}
      </div>
      {children}
    </div>
  );
}

export function Panel({
  title,
  actions,
  children,
  padded = true,
}: {
  title: string;
  actions?: ReactNode;
  children: ReactNode;
  padded?: boolean;
}) {
  return (
    <section className="panel" aria-label={title}>
      <header>
        <h2>{title}</h2>
        {actions}
      </header>
      {padded ? <div className="inside">{children}</div> : children}
    </section>
  );
}

export function Empty({
  title,
  children,
  action,
}: {
  title: string;
  children: ReactNode;
  action?: ReactNode;
}) {
  return (
    <div className="empty">
      <strong>{title}</strong>
      <p>{children}</p>
      {action}
    </div>
  );
}

export function Fault({ error, retry }: { error: unknown; retry?: () => void }) {
  const message = error instanceof Error ? error.message : String(error);
  return (
    <div className="fault" role="alert">
      <strong>{message}</strong>
      {error instanceof ApiError && <div>{error.advice}</div>}
      {retry !== undefined && (
        <Button variant="default" size="xs" mt="xs" onClick={retry}>
          Try again
        </Button>
      )}
    </div>
  );
}

/** What is shown of a question: its answer, what went wrong, or that it is under way. */
export function Answer<T>({
  query,
  children,
}: {
  query: { data: T | undefined; error: unknown; refetch: () => unknown };
  children: (data: T) => ReactNode;
}) {
  if (query.data !== undefined) return children(query.data);
  if (query.error !== null) return <Fault error={query.error} retry={() => void query.refetch()} />;
  return <Waiting />;
}

export function Waiting() {
  return (
    <div className="empty">
      <Loader size="sm" aria-label="Loading" role="status" />
    </div>
  );
}

/** Copies; says so for a moment, to the eye and to the ear. */
export function CopyButton({ text, what }: { text: string; what: string }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 2000);
    return () => clearTimeout(timer);
  }, [copied]);
  const label = copied ? `${what} copied` : `Copy ${what}`;
  return (
    <Tooltip label={label}>
      <ActionIcon
        variant="default"
        size={36}
        aria-label={label}
        onClick={() => {
          copyText(text).then(() => setCopied(true), toastError);
        }}
      >
        {copied ? <Check size={16} /> : <Copy size={16} />}
      </ActionIcon>
    </Tooltip>
  );
}

export function TextLink({ children, ...link }: LinkProps & { children: ReactNode }) {
  return <Link {...link}>{children}</Link>;
}

export function OutsideLink({ href, children }: { href: string; children: ReactNode }) {
  return <Anchor href={href}>{children}</Anchor>;
}
