import { Button, NumberInput, Select, Stack, Switch, TagsInput, Textarea, TextInput, MultiSelect } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState, type SyntheticEvent } from "react";
import { api, good } from "../api/client";
import { destinationsQuery, macroSetsQuery, type Job } from "../api/queries";
import { refresh } from "../api/refresh";
import { Fault, Panel } from "../ui/parts";
import { toast } from "../ui/toasts";

export function SettingsPanel({ job, mayWrite }: { job: Job; mayWrite: boolean }) {
  const [draft, setDraft] = useState(() => draftOf(job));
  const destinations = useQuery(destinationsQuery);
  const sets = useQuery(macroSetsQuery);
  const change = (part: Partial<typeof draft>) => setDraft((old) => ({ ...old, ...part }));
  const save = useMutation({
    mutationFn: () => {
      const { logLevel, ...rest } = draft;
      return good(
        api.PATCH("/api/jobconfigs/{id}", {
          params: { path: { id: job.id } },
          body: { ...rest, runtimeConfig: { logLevel } },
        }),
      );
    },
    onSuccess: async () => {
      toast("Saved the settings");
      await refresh(["job", job.id]);
    },
  });
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Panel title="Settings" padded={false}>
        <fieldset disabled={!mayWrite} style={{ border: 0, margin: 0, padding: 0 }}>
          <Stack p="md" maw={640}>
            {save.error !== null && <Fault error={save.error} />}
            <TextInput label="Name" required maxLength={200} value={draft.name} onChange={(e) => change({ name: e.currentTarget.value })} />
            <Textarea label="Description" autosize maxLength={2000} value={draft.description} onChange={(e) => change({ description: e.currentTarget.value })} />
            <Switch label="Active" description="Only an active job can be run" checked={draft.active} onChange={(e) => change({ active: e.currentTarget.checked })} />
            <Switch label="One run at a time" description="Others wait, in order" checked={draft.blocking} onChange={(e) => change({ blocking: e.currentTarget.checked })} />
            <Switch label="Network" description="Whether the code reaches the network" checked={draft.network} onChange={(e) => change({ network: e.currentTarget.checked })} />
            <NumberInput label="Timeout" description="Minutes of one attempt; 0: none" min={0} max={525600} allowDecimal={false} value={draft.timeout} onChange={(value) => change({ timeout: Number(value) })} />
            <NumberInput label="Retries" description="How often a failed run is tried again" min={0} max={100} allowDecimal={false} value={draft.maxRetries} onChange={(value) => change({ maxRetries: Number(value) })} />
            <NumberInput label="Wait before the first retry" description="Seconds; doubled for each further one" min={0} max={86400} allowDecimal={false} value={draft.retryBackoffSeconds} onChange={(value) => change({ retryBackoffSeconds: Number(value) })} />
            <Select label="Log level" data={["SEVERE", "WARNING", "INFO", "DEBUG"]} allowDeselect={false} value={draft.logLevel} onChange={(value) => change({ logLevel: value ?? "INFO" })} />
            {(destinations.data?.length ?? 0) > 1 && (
              <Select label="Destination" description="The pool of workers" allowDeselect={false} data={destinations.data?.map((each) => ({ value: each.id, label: each.name })) ?? []} value={draft.destinationId} onChange={(value) => change({ destinationId: value ?? draft.destinationId })} />
            )}
            {(sets.data?.length ?? 0) > 0 && (
              <MultiSelect label="Macro sets" description="Taken together with the job's own macros" data={sets.data?.map((each) => each.name) ?? []} value={draft.macrosets} onChange={(value) => change({ macrosets: value })} />
            )}
            <TagsInput label="Tags" description="Enter after each" value={draft.tags} onChange={(value) => change({ tags: value })} />
          </Stack>
        </fieldset>
        {mayWrite && (
          <div className="foot">
            <Button type="submit" loading={save.isPending}>
              Save
            </Button>
          </div>
        )}
      </Panel>
    </form>
  );
}

function draftOf(job: Job) {
  return {
    name: job.name,
    description: job.description,
    active: job.active,
    blocking: job.blocking,
    network: job.network,
    timeout: job.timeout,
    maxRetries: job.maxRetries,
    retryBackoffSeconds: job.retryBackoffSeconds,
    destinationId: job.destinationId,
    macrosets: job.macrosets,
    tags: job.tags,
    logLevel: job.runtimeConfig?.logLevel ?? ("INFO" as const),
  };
}
