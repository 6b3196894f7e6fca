import { Button, Group, Modal, Select, Stack, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState, type SyntheticEvent } from "react";
import { api, good, idempotencyKey, type Schemas } from "../api/client";
import { Fault } from "../ui/parts";
import { toast } from "../ui/toasts";
import { instantText, plural } from "../ui/words";
import { POLICIES } from "./policies";
import { schedulesChanged, type Schedule } from "./queries";

/** Fires what was due in the past and has no firing. It is counted first. */
export function Backfill({ schedule, onClose }: { schedule: Schedule; onClose: () => void }) {
  const [start, setStart] = useState("");
  const [end, setEnd] = useState("");
  const [policy, setPolicy] = useState<string | null>(null);
  // One key for what was counted: whatever is pressed twice fires once.
  const [key, setKey] = useState(idempotencyKey);
  const ask = (dryRun: boolean) =>
    good(
      api.POST("/v1/schedules/{schedule_id}/backfill", {
        params: {
          path: { schedule_id: schedule.id },
          header: dryRun ? {} : { "idempotency-key": key },
        },
        body: {
          start: new Date(start).toISOString(),
          end: new Date(end).toISOString(),
          overlap_policy: policy as Schemas["OverlapPolicy"] | null,
          dry_run: dryRun,
        },
      }),
    );
  const count = useMutation({ mutationFn: () => ask(true), onSuccess: () => setKey(idempotencyKey()) });
  const fire = useMutation({
    mutationFn: () => ask(false),
    onSuccess: async (done) => {
      toast(`Fires ${plural(done.count, "due time")}`);
      await schedulesChanged();
      onClose();
    },
  });
  const change = (set: (value: string) => void) => (value: string) => {
    set(value);
    // What was counted was something else.
    count.reset();
    fire.reset();
  };
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    count.mutate();
  };
  const counted = count.data;
  const error = count.error ?? fire.error;
  return (
    <Modal opened onClose={onClose} title="Backfill">
      <form onSubmit={submit}>
        <Stack>
          <div>Due times of the past that have no row yet are fired now, oldest first; at most 1,000.</div>
          {error !== null && <Fault error={error} />}
          <div className="pair">
            <TextInput label="From" description="By your clock" type="datetime-local" required value={start} onChange={(e) => change(setStart)(e.currentTarget.value)} />
            <TextInput label="To" description="By your clock" type="datetime-local" required value={end} onChange={(e) => change(setEnd)(e.currentTarget.value)} />
          </div>
          <Select
            label="While an earlier start still runs"
            placeholder="As the schedule says"
            clearable
            clearButtonProps={{ "aria-label": "As the schedule says" }}
            data={POLICIES.overlap}
            value={policy}
            onChange={(value) => {
              setPolicy(value);
              count.reset();
            }}
          />
          {counted !== undefined && (
            <div role="status">
              {counted.count === 0
                ? "Nothing is left to be fired in that stretch."
                : `${plural(counted.count, "due time")}, from ${instantText(counted.first ?? "")} to ${instantText(counted.last ?? "")}.`}
            </div>
          )}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            {counted === undefined || counted.count === 0 ? (
              <Button type="submit" loading={count.isPending}>
                Count
              </Button>
            ) : (
              <Button loading={fire.isPending} onClick={() => fire.mutate()}>
                {`Fire ${plural(counted.count, "due time")}`}
              </Button>
            )}
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
