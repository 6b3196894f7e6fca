import { Button, Group, Modal, Stack, Textarea, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState, type SyntheticEvent } from "react";
import { api, good, type Schemas } from "../api/client";
import { refresh } from "../api/refresh";
import { Fault } from "../ui/parts";
import { toast } from "../ui/toasts";

type Project = Schemas["ProjectBody"];

/** Makes a project, or changes the one that is given. */
export function ProjectDialog({ project, onClose }: { project?: Project; onClose: () => void }) {
  const [name, setName] = useState(project?.name ?? "");
  const [description, setDescription] = useState(project?.description ?? "");
  const save = useMutation({
    mutationFn: () => {
      const body = { name, description };
      return project === undefined
        ? good(api.POST("/v1/projects", { body }))
        : good(api.PUT("/v1/projects/{id}", { params: { path: { id: project.id } }, body }));
    },
    onSuccess: async (saved) => {
      toast(`Saved ${saved.name}`);
      await refresh(["projects"], ["me"]);
      onClose();
    },
  });
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <Modal opened onClose={onClose} title={project === undefined ? "New project" : "Edit project"}>
      <form onSubmit={submit}>
        <Stack>
          {save.error !== null && <Fault error={save.error} />}
          <TextInput
            label="Name"
            required
            maxLength={100}
            data-autofocus
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
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={save.isPending}>
              Save
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
