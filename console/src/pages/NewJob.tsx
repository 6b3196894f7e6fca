import { Button, Select, Stack, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState, type SyntheticEvent } from "react";
import { api, good } from "../api/client";
import { may } from "../api/rights";
import { projectsQuery, useMe } from "../api/queries";
import { refresh } from "../api/refresh";
import { DropZone } from "../ui/DropZone";
import { uploadPackage } from "../jobs/upload";
import { Fault, Page, Panel } from "../ui/parts";
import { LinkButton } from "../ui/LinkButton";
import { toast, toastError } from "../ui/toasts";
import { bytes } from "../ui/words";

export function NewJob() {
  const me = useMe();
  const { project } = useSearch({ from: "/app" });
  const navigate = useNavigate();
  const projects = useQuery(projectsQuery);
  const writable = projects.data?.filter((each) => may(me, "jobs_write", each.id)) ?? [];
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const [projectId, setProjectId] = useState<string | null>(project ?? null);
  const [file, setFile] = useState<File | null>(null);
  const [progress, setProgress] = useState<number | null>(null);

  const create = useMutation({
    mutationFn: () =>
      good(
        api.POST("/api/jobconfigs", {
          body: { name, description, project: projectId ?? writable[0]?.id },
        }),
      ),
    onSuccess: async (job) => {
      void refresh(["jobs"]);
      if (file !== null) {
        try {
          setProgress(0);
          const key = await uploadPackage(job.id, file, setProgress);
          await good(
            api.PATCH("/api/jobconfigs/{id}", {
              params: { path: { id: job.id } },
              body: { runtimeConfig: { packageName: key } },
            }),
          );
        } catch (error) {
          // The job is there all the same; its page takes the next try.
          toastError(error);
        }
      }
      toast(`Created ${job.name}`);
      await navigate({ to: "/jobs/$jobId", params: { jobId: job.id }, search: { tab: "package" } });
    },
  });
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    create.mutate();
  };
  return (
    <Page title="New job" crumbs={[{ label: "Jobs", link: { to: "/jobs" } }]}>
      <form onSubmit={submit}>
        <Panel title="Job" padded={false}>
          <Stack p="md" maw={640}>
            {create.error !== null && <Fault error={create.error} />}
            <TextInput
              label="Name"
              required
              maxLength={200}
              value={name}
              onChange={(event) => setName(event.currentTarget.value)}
            />
            <Textarea
              label="Description"
              autosize
              minRows={2}
              maxLength={2000}
              value={description}
              onChange={(event) => setDescription(event.currentTarget.value)}
            />
            {writable.length > 1 && (
              <Select
                label="Project"
                data={writable.map((each) => ({ value: each.id, label: each.name }))}
                value={projectId ?? writable[0]?.id ?? null}
                onChange={setProjectId}
                allowDeselect={false}
                searchable
              />
            )}
            <div>
              <DropZone label="Package" onFile={setFile} progress={progress} />
              {file !== null && (
                <p className="crumbs">
                  <code>{file.name}</code>, {bytes(file.size)}: uploaded when the job is created.
                </p>
              )}
            </div>
          </Stack>
          <div className="foot">
            <LinkButton to="/jobs" variant="default">
              Cancel
            </LinkButton>
            <Button type="submit" loading={create.isPending}>
              Create job
            </Button>
          </div>
        </Panel>
      </form>
    </Page>
  );
}
