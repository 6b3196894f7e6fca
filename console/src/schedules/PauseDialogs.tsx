import { Button, Group, Modal, Stack, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState, type ReactNode, type SyntheticEvent } from "react";
import { api, good } from "../api/client";
import { Fault } from "../ui/parts";
import { toast } from "../ui/toasts";
import { plural } from "../ui/words";
import { schedulesChanged, type Schedule } from "./queries";

interface Why {
  reason: string | null;
  until: string | null;
}

/** Pauses one schedule, with a reason and, if wanted, an end. */
export function PauseDialog({ schedule, onClose }: { schedule: Schedule; onClose: () => void }) {
  return (
    <Asking
      title="Pause the schedule?"
      action="Pause"
      onClose={onClose}
      work={async (why) => {
        await good(
          api.POST("/v1/schedules/{schedule_id}/pause", {
            params: { path: { schedule_id: schedule.id } },
            body: why,
          }),
        );
        toast(`Paused ${schedule.name}`);
      }}
    >
      Its due times are not taken until it is resumed. What waits is skipped; what runs runs on.
    </Asking>
  );
}

/** Pauses or resumes all schedules that have these tags. */
export function BulkPause({ tags, isPause, onClose }: { tags: string[]; isPause: boolean; onClose: () => void }) {
  return (
    <Asking
      title={isPause ? "Pause many schedules?" : "Resume many schedules?"}
      action={isPause ? "Pause all" : "Resume all"}
      isPause={isPause}
      onClose={onClose}
      work={async (why) => {
        let total = 0;
        for (;;) {
          const { changed } = isPause
            ? await good(api.POST("/v1/schedules/pause", { body: { tags, ...why } }))
            : await good(api.POST("/v1/schedules/resume", { body: { tags } }));
          total += changed;
          if (changed === 0) break;
        }
        toast(`${isPause ? "Paused" : "Resumed"} ${plural(total, "schedule")}`);
      }}
    >
      All that have {tags.length === 1 ? "the tag" : "all of the tags"} <strong>{tags.join(", ")}</strong>, in
      every project where you may change schedules.
    </Asking>
  );
}

function Asking({
  title,
  action,
  isPause = true,
  work,
  onClose,
  children,
}: {
  title: string;
  action: string;
  isPause?: boolean;
  work: (why: Why) => Promise<void>;
  onClose: () => void;
  children: ReactNode;
}) {
  const [reason, setReason] = useState("");
  const [until, setUntil] = useState("");
  const ask = useMutation({
    mutationFn: () =>
      work({
        reason: reason.trim() || null,
        // The field is on this machine's clock.
        until: until === "" ? null : new Date(until).toISOString(),
      }),
    onSuccess: async () => {
      await schedulesChanged();
      onClose();
    },
  });
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    ask.mutate();
  };
  return (
    <Modal opened onClose={onClose} title={title}>
      <form onSubmit={submit}>
        <Stack>
          <div style={{ overflowWrap: "anywhere" }}>{children}</div>
          {ask.error !== null && <Fault error={ask.error} />}
          {isPause && (
            <>
              <TextInput
                label="Reason"
                description="Stands with the schedule, and with every due time that is not taken"
                maxLength={500}
                data-autofocus
                value={reason}
                onChange={(event) => setReason(event.currentTarget.value)}
              />
              <TextInput
                label="Until"
                description="It resumes by itself then, by your clock; empty: by hand"
                type="datetime-local"
                value={until}
                onChange={(event) => setUntil(event.currentTarget.value)}
              />
            </>
          )}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={ask.isPending}>
              {action}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
