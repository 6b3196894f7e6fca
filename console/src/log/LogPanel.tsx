import { ActionIcon, Button, Group, Switch, Text, TextInput, Tooltip } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useVirtualizer } from "@tanstack/react-virtual";
import { ChevronDown, ChevronUp, Download, Search } from "lucide-react";
import { useEffect, useMemo, useRef, useState, type CSSProperties, type KeyboardEvent } from "react";
import { download } from "../api/download";
import { Fault, Panel } from "../ui/parts";
import { toastError } from "../ui/toasts";
import { plural } from "../ui/words";
import { pieces, plain } from "./ansi";
import { follow } from "./events";
import { LogLines, matching } from "./lines";
import "./log.css";

const LINE_PX = 19;

interface Log {
  lines: readonly string[];
  /** Grows with the lines: the array itself stays the same. */
  version: number;
  isEnded: boolean;
  error: unknown;
}

/** The log of a run, live. Screens are drawn at most as often as the browser draws. */
function useLog(runId: string, onEnd: () => void): Log {
  const [log, setLog] = useState<Log>({ lines: [], version: 0, isEnded: false, error: null });
  const ended = useRef(onEnd);
  useEffect(() => {
    ended.current = onEnd;
  });
  useEffect(() => {
    const stop = new AbortController();
    const grown = new LogLines();
    let isEnded = false;
    let error: unknown = null;
    let frame = 0;
    const draw = () => {
      frame = 0;
      setLog((old) => ({ lines: grown.lines, version: old.version + 1, isEnded, error }));
    };
    const drawSoon = () => {
      frame ||= requestAnimationFrame(draw);
    };
    follow(
      `/api/jobs/${encodeURIComponent(runId)}/log?follow=true`,
      (events) => {
        for (const event of events) {
          if (event.name === "log") grown.add((JSON.parse(event.data) as { text: string }).text);
        }
        drawSoon();
      },
      stop.signal,
    )
      .catch((found: unknown) => {
        error = found;
      })
      .finally(() => {
        if (stop.signal.aborted) return;
        isEnded = true;
        drawSoon();
        ended.current();
      });
    return () => {
      stop.abort();
      cancelAnimationFrame(frame);
    };
  }, [runId]);
  return log;
}

export function LogPanel({ runId, onEnd }: { runId: string; onEnd: () => void }) {
  const log = useLog(runId, onEnd);
  const box = useRef<HTMLDivElement>(null);
  const lastTop = useRef(0);
  const [isFollowing, setIsFollowing] = useState(true);
  const [text, setText] = useState("");
  const [wanted] = useDebouncedValue(text, 150);
  const [chosen, setChosen] = useState(0);
  const hits = useMemo(
    () => matching(log.lines.map(plain), wanted),
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the version tells of new lines
    [log.version, wanted],
  );
  const hit = hits[Math.min(chosen, hits.length - 1)];
  // eslint-disable-next-line react-hooks/incompatible-library -- it is not memoized, as it wants
  const rows = useVirtualizer({
    count: log.lines.length,
    getScrollElement: () => box.current,
    estimateSize: () => LINE_PX,
    overscan: 30,
  });

  useEffect(() => {
    const element = box.current;
    if (isFollowing && element !== null) element.scrollTop = element.scrollHeight;
  }, [log.version, isFollowing]);

  const show = (index: number) => {
    const line = hits[index];
    if (line === undefined) return;
    setIsFollowing(false);
    setChosen(index);
    rows.scrollToIndex(line, { align: "center" });
  };
  const step = (by: number) => show((Math.min(chosen, hits.length - 1) + by + hits.length) % hits.length);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter" && hits.length > 0) step(event.shiftKey ? -1 : 1);
  };
  const onScroll = () => {
    const element = box.current;
    if (element === null) return;
    // Whoever scrolls up reads: the end no longer draws the page along. Following only goes down.
    if (isFollowing && element.scrollTop < lastTop.current - LINE_PX) setIsFollowing(false);
    lastTop.current = element.scrollTop;
  };

  return (
    <Panel
      title="Log"
      padded={false}
      actions={
        <Group gap="xs">
          <TextInput
            size="xs"
            w={180}
            aria-label="Search the log"
            placeholder="Search the log"
            leftSection={<Search size={14} aria-hidden />}
            value={text}
            onChange={(event) => {
              setText(event.currentTarget.value);
              setChosen(0);
            }}
            onKeyDown={onKeyDown}
          />
          {wanted !== "" && (
            <>
              <Text size="xs" role="status">
                {hits.length === 0
                  ? "Not found"
                  : `${Math.min(chosen, hits.length - 1) + 1} of ${hits.length}`}
              </Text>
              <ActionIcon size="sm" variant="default" aria-label="Previous hit" disabled={hits.length === 0} onClick={() => step(-1)}>
                <ChevronUp size={14} />
              </ActionIcon>
              <ActionIcon size="sm" variant="default" aria-label="Next hit" disabled={hits.length === 0} onClick={() => step(1)}>
                <ChevronDown size={14} />
              </ActionIcon>
            </>
          )}
          <Switch
            size="xs"
            label="Follow"
            checked={isFollowing}
            onChange={(event) => setIsFollowing(event.currentTarget.checked)}
          />
          <Tooltip label="The whole log as a text file">
            <Button
              size="compact-sm"
              variant="default"
              leftSection={<Download size={14} />}
              onClick={() => {
                download(`/api/jobs/${encodeURIComponent(runId)}/log`, `run-${runId}.log`).catch(toastError);
              }}
            >
              Download
            </Button>
          </Tooltip>
        </Group>
      }
    >
      {log.error !== null && <Fault error={log.error} />}
      <div
        className="log"
        ref={box}
        onScroll={onScroll}
        tabIndex={0}
        role="log"
        aria-live="off"
        aria-label={`Log, ${plural(log.lines.length, "line")}`}
        data-lines={log.lines.length}
        data-ended={log.isEnded}
        style={{ "--content": `${log.lines.length * LINE_PX}px` } as CSSProperties}
      >
        {log.lines.length === 0 && (
          <div style={{ padding: 12 }}>
            {log.isEnded ? "It wrote nothing." : "Nothing has been written yet. Lines appear here as they come."}
          </div>
        )}
        <div style={{ height: rows.getTotalSize(), position: "relative" }}>
          {rows.getVirtualItems().map((row) => (
            <Line
              key={row.key}
              line={log.lines[row.index] ?? ""}
              number={row.index + 1}
              top={row.start}
              className={
                wanted !== "" && row.index === hit
                  ? "log-line hit now"
                  : wanted !== "" && plain(log.lines[row.index] ?? "").toLowerCase().includes(wanted.toLowerCase())
                    ? "log-line hit"
                    : "log-line"
              }
            />
          ))}
        </div>
      </div>
    </Panel>
  );
}

function Line({ line, number, top, className }: { line: string; number: number; top: number; className: string }) {
  return (
    <div className={className} style={{ transform: `translateY(${top}px)` }}>
      <span className="no" aria-hidden>
        {number}
      </span>
      {pieces(line).map((piece, index) => (
        <span key={index} className={piece.className || undefined}>
          {piece.text}
        </span>
      ))}
    </div>
  );
}
