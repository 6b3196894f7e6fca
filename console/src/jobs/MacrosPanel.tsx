import { Button, Checkbox, Group, Modal, PasswordInput, Stack, Table, TextInput, VisuallyHidden } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Pencil, Plus, Trash2 } from "lucide-react";
import { useState, type SyntheticEvent } from "react";
import { api, good, type Schemas } from "../api/client";
import { type Job } from "../api/queries";
import { refresh } from "../api/refresh";
import { Confirm } from "../ui/Confirm";
import { Answer, Empty, Fault, Panel } from "../ui/parts";
import { toast } from "../ui/toasts";

type Macro = Schemas["MacroBody"];

export function MacrosPanel({ job, mayWrite }: { job: Job; mayWrite: boolean }) {
  const path = { id: job.id };
  const macros = useQuery({
    queryKey: ["job", job.id, "macros"],
    queryFn: () => good(api.GET("/api/jobconfigs/{id}/macros", { params: { path } })),
  });
  const [edited, setEdited] = useState<Macro | "new" | null>(null);
  const [doomed, setDoomed] = useState<string | null>(null);
  const add = (
    <Button size="xs" leftSection={<Plus size={15} />} onClick={() => setEdited("new")}>
      Add macro
    </Button>
  );
  return (
    <Panel title="Macros" actions={mayWrite ? add : undefined} padded={false}>
      <Answer query={macros}>
        {(found) =>
          found.length === 0 ? (
            <Empty title="No macros">
              A macro is a variable that reaches the code as an environment variable of its name. Mark it
              secure, and its value can never be read again: not here, not through the API.
            </Empty>
          ) : (
            <div className="scroll">
              <Table>
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th>Name</Table.Th>
                    <Table.Th>Value</Table.Th>
                    <Table.Th>Description</Table.Th>
                    <Table.Th>
                <VisuallyHidden>Actions</VisuallyHidden>
              </Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {found.map((macro) => (
                    <Table.Tr key={macro.name}>
                      <Table.Td className="mono">{macro.name}</Table.Td>
                      <Table.Td>
                        {macro.secure ? (
                          <span className="state idle">Secure</span>
                        ) : (
                          <div className="cell-text mono">{macro.value}</div>
                        )}
                      </Table.Td>
                      <Table.Td>
                        <div className="cell-text">{macro.description}</div>
                      </Table.Td>
                      <Table.Td>
                        {mayWrite && (
                          <div className="row-actions">
                            <Button
                              size="compact-sm"
                              variant="default"
                              aria-label={`Edit ${macro.name}`}
                              onClick={() => setEdited(macro)}
                            >
                              <Pencil size={15} />
                            </Button>
                            <Button
                              size="compact-sm"
                              variant="default"
                              aria-label={`Delete ${macro.name}`}
                              onClick={() => setDoomed(macro.name)}
                            >
                              <Trash2 size={15} />
                            </Button>
                          </div>
                        )}
                      </Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </div>
          )
        }
      </Answer>
      {edited !== null && (
        <MacroDialog job={job} macro={edited === "new" ? null : edited} onClose={() => setEdited(null)} />
      )}
      <Confirm
        opened={doomed !== null}
        title="Delete the macro?"
        action="Delete"
        onClose={() => setDoomed(null)}
        onConfirm={async () => {
          await good(
            api.DELETE("/api/jobconfigs/{id}/macros/{name}", {
              params: { path: { id: job.id, name: doomed ?? "" } },
            }),
          );
          await refresh(["job", job.id]);
        }}
      >
        Runs that begin later do not have <code>{doomed}</code> any more.
      </Confirm>
    </Panel>
  );
}

function MacroDialog({ job, macro, onClose }: { job: Job; macro: Macro | null; onClose: () => void }) {
  const [name, setName] = useState(macro?.name ?? "");
  const [value, setValue] = useState(macro?.value ?? "");
  const [secure, setSecure] = useState(macro?.secure ?? false);
  const [description, setDescription] = useState(macro?.description ?? "");
  const isKept = macro?.secure === true && secure && value === "";
  const save = useMutation({
    mutationFn: () =>
      good(
        api.PUT("/api/jobconfigs/{id}/macros/{name}", {
          params: { path: { id: job.id, name } },
          body: { name, value: isKept ? null : value, secure, description },
        }),
      ),
    onSuccess: async () => {
      toast(`Saved ${name}`);
      await refresh(["job", job.id]);
      onClose();
    },
  });
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    save.mutate();
  };
  const hint = macro?.secure === true ? "Leave it empty to keep the value there is." : undefined;
  return (
    <Modal opened onClose={onClose} title={macro === null ? "Add macro" : `Edit ${macro.name}`}>
      <form onSubmit={submit}>
        <Stack>
          {save.error !== null && <Fault error={save.error} />}
          <TextInput
            label="Name"
            description="The environment variable that the code reads"
            required
            data-autofocus={macro === null ? true : undefined}
            disabled={macro !== null}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          {secure ? (
            <PasswordInput
              label="Value"
              description={hint}
              value={value}
              autoComplete="off"
              visibilityToggleButtonProps={{ "aria-label": "Show the value", tabIndex: 0 }}
              onChange={(event) => setValue(event.currentTarget.value)}
            />
          ) : (
            <TextInput label="Value" value={value} onChange={(event) => setValue(event.currentTarget.value)} />
          )}
          <Checkbox
            label="Secure: the value is never readable again"
            checked={secure}
            onChange={(event) => setSecure(event.currentTarget.checked)}
          />
          <TextInput
            label="Description"
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
