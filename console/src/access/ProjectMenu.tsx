import { Button } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { api, good, type Schemas } from "../api/client";
import { refresh } from "../api/refresh";
import { Confirm } from "../ui/Confirm";
import { toast } from "../ui/toasts";
import { ProjectDialog } from "./ProjectDialog";

export function ProjectMenu({ project }: { project: Schemas["ProjectBody"] }) {
  const navigate = useNavigate();
  const [isEditing, setIsEditing] = useState(false);
  const [isDeleting, setIsDeleting] = useState(false);
  return (
    <>
      <Button variant="default" onClick={() => setIsEditing(true)}>
        Edit project
      </Button>
      <Button variant="default" onClick={() => setIsDeleting(true)}>
        Delete project
      </Button>
      {isEditing && <ProjectDialog project={project} onClose={() => setIsEditing(false)} />}
      <Confirm
        opened={isDeleting}
        title="Delete the project?"
        action="Delete"
        onClose={() => setIsDeleting(false)}
        onConfirm={async () => {
          await good(api.DELETE("/v1/projects/{id}", { params: { path: { id: project.id } } }));
          toast(`Deleted ${project.name}`);
          await navigate({ to: "/projects", search: { project: undefined } });
          await refresh(["projects"]);
        }}
      >
        <strong>{project.name}</strong> goes, with the roles held in it. Only an empty project can be
        deleted.
      </Confirm>
    </>
  );
}
