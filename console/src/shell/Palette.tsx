/**
 * Goes anywhere by keyboard: pages; jobs, schedules and workflows by name; executions and runs by id.
 * Ctrl K or ⌘ K opens it.
 */

import { Modal, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Activity, Boxes, CalendarClock, Route, Search, Workflow, type LucideIcon } from "lucide-react";
import { useState, type KeyboardEvent } from "react";
import { may } from "../api/rights";
import { jobsQuery, useMe } from "../api/queries";
import { schedulesQuery } from "../schedules/queries";
import { workflowsQuery } from "../workflows/queries";
import { destinationsFor } from "./navigation";
import { useById } from "./useById";

interface Choice {
  key: string;
  label: string;
  kind: string;
  icon: LucideIcon;
  go: () => void;
}

export function Palette({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title="Go to"
      centered={false}
      yOffset="12vh"
      size="lg"
      transitionProps={{ duration: 0 }}
    >
      <Choices onDone={onClose} />
    </Modal>
  );
}

function Choices({ onDone }: { onDone: () => void }) {
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState(0);
  const choices = useChoices(text, onDone);
  const index = Math.min(chosen, choices.length - 1);

  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined && choices.length > 0) {
      event.preventDefault();
      const next = (index + step + choices.length) % choices.length;
      setChosen(next);
      document.getElementById(`choice-${next}`)?.scrollIntoView({ block: "nearest" });
    }
    if (event.key === "Enter") {
      event.preventDefault();
      choices[index]?.go();
    }
  };

  return (
    <>
      <TextInput
        data-autofocus
        placeholder="A page, a name, or an id"
        aria-label="A page; the name of a job, schedule or workflow; the id of an execution or a run"
        leftSection={<Search size={16} aria-hidden />}
        role="combobox"
        aria-expanded
        aria-controls="choices"
        aria-activedescendant={choices.length > 0 ? `choice-${index}` : undefined}
        value={text}
        onChange={(event) => {
          setText(event.currentTarget.value);
          setChosen(0);
        }}
        onKeyDown={onKeyDown}
      />
      <ul className="palette-list" role="listbox" id="choices" aria-label="Where to go">
        {choices.map((choice, each) => (
          <li
            key={choice.key}
            id={`choice-${each}`}
            role="option"
            aria-selected={each === index}
            onClick={choice.go}
            onMouseMove={() => setChosen(each)}
          >
            <choice.icon size={16} aria-hidden />
            <span className="cell-text">{choice.label}</span>
            <span className="spring" />
            <small>{choice.kind}</small>
          </li>
        ))}
      </ul>
      {choices.length === 0 && <p>Nothing has this name or id.</p>}
    </>
  );
}

function useChoices(text: string, onDone: () => void): Choice[] {
  const me = useMe();
  const navigate = useNavigate();
  const [wanted] = useDebouncedValue(text.trim(), 150);
  const jobs = useQuery({
    ...jobsQuery({ offset: 0, size: 25, filter: wanted }),
    enabled: wanted !== "" && may(me, "jobs_read"),
  });
  const schedules = useQuery({
    ...schedulesQuery({ limit: 10, offset: 0, search: wanted }),
    enabled: wanted !== "" && may(me, "schedules_read"),
    refetchInterval: false,
  });
  const workflows = useInfiniteQuery({
    ...workflowsQuery({ search: wanted }),
    enabled: wanted !== "" && may(me, "workflows_read"),
  });
  const byId = useById(wanted);
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const pages = destinationsFor(me)
    .filter((each) => words.every((word) => `${each.label} ${each.words}`.toLowerCase().includes(word)))
    .map<Choice>((each) => ({
      key: each.label,
      label: each.label,
      kind: "Page",
      icon: each.icon,
      go: () => {
        onDone();
        if (each.href !== undefined) location.assign(each.href);
        else void navigate({ to: each.to });
      },
    }));
  const found = wanted === "" ? [] : (jobs.data?.items ?? []);
  return [
    ...pages,
    ...byId.map<Choice>(({ kind, id, label }) => ({
      key: `${kind} ${id}`,
      label,
      kind,
      icon: kind === "Run" ? Activity : Route,
      go: () => {
        onDone();
        if (kind === "Run") void navigate({ to: "/runs/$runId", params: { runId: id } });
        else void navigate({ to: "/executions/$executionId", params: { executionId: id } });
      },
    })),
    ...found.map<Choice>((job) => ({
      key: `job ${job.id}`,
      label: job.name,
      kind: "Job",
      icon: Boxes,
      go: () => {
        onDone();
        void navigate({ to: "/jobs/$jobId", params: { jobId: job.id } });
      },
    })),
    ...(wanted === "" ? [] : (schedules.data?.items ?? [])).map<Choice>((schedule) => ({
      key: `schedule ${schedule.id}`,
      label: schedule.name,
      kind: "Schedule",
      icon: CalendarClock,
      go: () => {
        onDone();
        void navigate({ to: "/schedules/$scheduleId", params: { scheduleId: schedule.id } });
      },
    })),
    ...(wanted === "" ? [] : (workflows.data?.pages[0]?.items ?? []).slice(0, 10)).map<Choice>((workflow) => ({
      key: `workflow ${workflow.workflow_id}`,
      label: workflow.workflow_name,
      kind: "Workflow",
      icon: Workflow,
      go: () => {
        onDone();
        void navigate({ to: "/workflows/$workflowId", params: { workflowId: workflow.workflow_id } });
      },
    })),
  ];
}
