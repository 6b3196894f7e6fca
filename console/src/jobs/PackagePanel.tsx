import { Autocomplete, Button, Group, Select, Stack, Table, VisuallyHidden } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Download, Trash2 } from "lucide-react";
import { useState } from "react";
import { api, good } from "../api/client";
import { download } from "../api/download";
import { entryPointsQuery, filesQuery, type Job } from "../api/queries";
import { refresh } from "../api/refresh";
import { Confirm } from "../ui/Confirm";
import { Answer, Empty, Fault, Panel, Time } from "../ui/parts";
import { toast, toastError } from "../ui/toasts";
import { bytes } from "../ui/words";
import { DropZone } from "../ui/DropZone";
import { uploadPackage } from "./upload";

export function PackagePanel({ job, mayWrite }: { job: Job; mayWrite: boolean }) {
  const files = useQuery(filesQuery(job.id));
  return (
    <Answer query={files}>
      {(found) => (
        <>
          {mayWrite && <Upload job={job} isFirst={found.length === 0} />}
          {found.length > 0 && <WhatRuns key={job.lastModified} job={job} files={found} mayWrite={mayWrite} />}
          <Panel title="Files" padded={false}>
            {found.length === 0 ? (
              <Empty title="No package yet">
                A package is one Python file, or an archive of them. It may name what it needs in
                pyproject.toml, or in the file itself (PEP 723): Treadle installs that.
              </Empty>
            ) : (
              <Files job={job} files={found} mayWrite={mayWrite} />
            )}
          </Panel>
        </>
      )}
    </Answer>
  );
}

interface JobFile {
  name: string;
  metadata: { size: number; lastModified: string };
}

function Upload({ job, isFirst }: { job: Job; isFirst: boolean }) {
  const [progress, setProgress] = useState<number | null>(null);
  const upload = useMutation({
    mutationFn: async (file: File) => {
      setProgress(0);
      const key = await uploadPackage(job.id, file, setProgress);
      if (isFirst || job.runtimeConfig?.packageName == null) {
        await good(
          api.PATCH("/api/jobconfigs/{id}", {
            params: { path: { id: job.id } },
            body: { runtimeConfig: { packageName: key } },
          }),
        );
      }
      return key;
    },
    onSuccess: (key) => toast(`Uploaded ${key}`),
    onSettled: async () => {
      setProgress(null);
      await refresh(["job", job.id]);
    },
  });
  return (
    <Panel title="Upload">
      <Stack>
        <DropZone label="Upload a package" onFile={(file) => upload.mutate(file)} progress={progress} />
        {upload.error !== null && <Fault error={upload.error} />}
      </Stack>
    </Panel>
  );
}

function WhatRuns({ job, files, mayWrite }: { job: Job; files: JobFile[]; mayWrite: boolean }) {
  const runtime = job.runtimeConfig;
  const [packageName, setPackageName] = useState(runtime?.packageName ?? null);
  const [entryPoint, setEntryPoint] = useState(runtime?.entryPoint ?? "");
  const file = files.find((each) => each.name === packageName);
  const points = useQuery({
    ...entryPointsQuery(job.id, packageName ?? "", file?.metadata.lastModified ?? ""),
    enabled: file !== undefined,
  });
  const save = useMutation({
    mutationFn: () =>
      good(
        api.PATCH("/api/jobconfigs/{id}", {
          params: { path: { id: job.id } },
          body: { runtimeConfig: { packageName, entryPoint } },
        }),
      ),
    onSuccess: async () => {
      toast("Saved what is run");
      await refresh(["job", job.id]);
    },
    onError: toastError,
  });
  return (
    <Panel title="What is run">
      <Group align="flex-end">
        <Select
          label="Package"
          data={files.map((each) => each.name)}
          value={packageName}
          onChange={setPackageName}
          allowDeselect={false}
          disabled={!mayWrite}
          style={{ flex: "1 1 220px" }}
        />
        <Autocomplete
          label="Entry point"
          description="module.function, or a file of the package"
          placeholder="What the package itself says"
          data={points.data?.entryPoints ?? []}
          value={entryPoint}
          onChange={setEntryPoint}
          disabled={!mayWrite}
          style={{ flex: "2 1 260px" }}
        />
        {mayWrite && (
          <Button loading={save.isPending} onClick={() => save.mutate()}>
            Save
          </Button>
        )}
      </Group>
      {points.error !== null && <Fault error={points.error} />}
    </Panel>
  );
}

function Files({ job, files, mayWrite }: { job: Job; files: JobFile[]; mayWrite: boolean }) {
  const [doomed, setDoomed] = useState<string | null>(null);
  return (
    <div className="scroll">
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Name</Table.Th>
            <Table.Th>Size</Table.Th>
            <Table.Th>Uploaded</Table.Th>
            <Table.Th>
                <VisuallyHidden>Actions</VisuallyHidden>
              </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {files.map((file) => (
            <Table.Tr key={file.name}>
              <Table.Td>
                <div className="cell-text mono">{file.name}</div>
              </Table.Td>
              <Table.Td>{bytes(file.metadata.size)}</Table.Td>
              <Table.Td>
                <Time at={file.metadata.lastModified} />
              </Table.Td>
              <Table.Td>
                <div className="row-actions">
                  <Button
                    size="compact-sm"
                    variant="default"
                    aria-label={`Download ${file.name}`}
                    onClick={() => {
                      const path = `/api/jobconfigs/${job.id}/files/${encodeURIComponent(file.name)}`;
                      download(path, file.name).catch(toastError);
                    }}
                  >
                    <Download size={15} />
                  </Button>
                  {mayWrite && (
                    <Button
                      size="compact-sm"
                      variant="default"
                      aria-label={`Delete ${file.name}`}
                      onClick={() => setDoomed(file.name)}
                    >
                      <Trash2 size={15} />
                    </Button>
                  )}
                </div>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      <Confirm
        opened={doomed !== null}
        title="Delete the file?"
        action="Delete"
        onClose={() => setDoomed(null)}
        onConfirm={async () => {
          await good(
            api.DELETE("/api/jobconfigs/{id}/files/{key}", {
              params: { path: { id: job.id, key: doomed ?? "" } },
            }),
          );
          await refresh(["job", job.id]);
        }}
      >
        <code>{doomed}</code> goes for good. Runs that were submitted with it still have it.
      </Confirm>
    </div>
  );
}
