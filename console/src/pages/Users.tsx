import { Button, Checkbox, Group, Modal, PasswordInput, Stack, Table, TextInput, VisuallyHidden } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Mail, Plus, Search } from "lucide-react";
import { useState, type SyntheticEvent } from "react";
import { Invitations, InviteDialog } from "../access/Invitations";
import { APPLICATION_ROLES } from "../access/roleNames";
import { api, good, type Schemas } from "../api/client";
import { may } from "../api/rights";
import { useMe, usersQuery } from "../api/queries";
import { refresh } from "../api/refresh";
import { Pager } from "../ui/Pager";
import { Answer, Empty, Fault, Page, Time } from "../ui/parts";
import { toast } from "../ui/toasts";

type User = Schemas["UserBody"];

export function Users() {
  const me = useMe();
  const search = useSearch({ from: "/app/users" });
  const navigate = useNavigate({ from: "/users" });
  const [text, setText] = useState(search.filter ?? "");
  const [edited, setEdited] = useState<User | "new" | null>(null);
  const [isInviting, setIsInviting] = useState(false);
  const look = useDebouncedCallback(
    (filter: string) =>
      void navigate({ search: (old) => ({ ...old, filter: filter || undefined, page: undefined }), replace: true }),
    250,
  );
  const users = useQuery(
    usersQuery({ offset: (search.page ?? 1) - 1, size: search.size ?? 25, filter: search.filter }),
  );
  const mayWrite = may(me, "users_write");
  return (
    <Page
      title="Users"
      actions={
        <>
          {may(me, "roles_write") && (
            <Button variant="default" leftSection={<Mail size={16} />} onClick={() => setIsInviting(true)}>
              Invite
            </Button>
          )}
          {mayWrite && (
            <Button leftSection={<Plus size={16} />} onClick={() => setEdited("new")}>
              New user
            </Button>
          )}
        </>
      }
    >
      <section className="panel" aria-label="Users">
        <header>
          <TextInput
            aria-label="Search users"
            placeholder="Name or email"
            leftSection={<Search size={15} aria-hidden />}
            value={text}
            onChange={(event) => {
              setText(event.currentTarget.value);
              look(event.currentTarget.value);
            }}
          />
        </header>
        <Answer query={users}>
          {(page) =>
            page.items.length === 0 && page.pageNumber === 0 ? (
              <Empty title="Nobody is like this">The search looks in names and email addresses.</Empty>
            ) : (
              <>
                <UserTable users={page.items} mayWrite={mayWrite} onEdit={setEdited} />
                <Pager
                  page={page}
                  onPage={(to) => void navigate({ search: (old) => ({ ...old, page: to + 1 }) })}
                  onSize={(size) => void navigate({ search: (old) => ({ ...old, size, page: undefined }) })}
                />
              </>
            )
          }
        </Answer>
      </section>
      {may(me, "roles_write") && (
        <div style={{ marginTop: 16 }}>
          <Invitations />
        </div>
      )}
      {isInviting && (
        <InviteDialog roles={APPLICATION_ROLES} role="Consumer" onClose={() => setIsInviting(false)} />
      )}
      {edited !== null && (
        <UserDialog user={edited === "new" ? null : edited} onClose={() => setEdited(null)} />
      )}
    </Page>
  );
}

function UserTable({
  users,
  mayWrite,
  onEdit,
}: {
  users: User[];
  mayWrite: boolean;
  onEdit: (user: User) => void;
}) {
  return (
    <div className="scroll">
      <Table highlightOnHover>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>User name</Table.Th>
            <Table.Th>Name</Table.Th>
            <Table.Th>Email</Table.Th>
            <Table.Th>Role</Table.Th>
            <Table.Th>Since</Table.Th>
            <Table.Th>
                <VisuallyHidden>Actions</VisuallyHidden>
              </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {users.map((user) => (
            <Table.Tr key={user.id}>
              <Table.Td>
                <div className="cell-text">
                  {user.username} {!user.active && <span className="state idle">Inactive</span>}
                </div>
              </Table.Td>
              <Table.Td>
                <div className="cell-text" style={{ maxWidth: 240 }} title={`${user.firstName} ${user.lastName}`}>{`${user.firstName} ${user.lastName}`}</div>
              </Table.Td>
              <Table.Td>
                <div className="cell-text" style={{ maxWidth: 260 }} title={user.email}>
                  {user.email}
                </div>
              </Table.Td>
              <Table.Td>{user.admin ? "Administrator" : ""}</Table.Td>
              <Table.Td>
                <Time at={user.created} />
              </Table.Td>
              <Table.Td>
                {mayWrite && (
                  <div className="row-actions">
                    <Button
                      size="compact-sm"
                      variant="default"
                      aria-label={`Edit ${user.username}`}
                      onClick={() => onEdit(user)}
                    >
                      Edit
                    </Button>
                  </div>
                )}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}

function UserDialog({ user, onClose }: { user: User | null; onClose: () => void }) {
  const [draft, setDraft] = useState({
    username: user?.username ?? "",
    password: "",
    firstName: user?.firstName ?? "",
    lastName: user?.lastName ?? "",
    email: user?.email ?? "",
    active: user?.active ?? true,
    admin: user?.admin ?? false,
  });
  const change = (part: Partial<typeof draft>) => setDraft((old) => ({ ...old, ...part }));
  const save = useMutation({
    mutationFn: async () => {
      const { password, firstName, lastName, email, active, admin } = draft;
      if (user === null) {
        await good(api.POST("/api/users", { body: draft }));
        return;
      }
      const path = { id: user.id };
      await good(api.PATCH("/api/users/{id}", { params: { path }, body: { firstName, lastName, email, active, admin } }));
      if (password !== "") {
        const body = { newPassword: password, confirmNewPassword: password };
        await good(api.POST("/api/users/{id}/password", { params: { path }, body }));
      }
    },
    onSuccess: async () => {
      toast(`Saved ${draft.username}`);
      await refresh(["users"]);
      onClose();
    },
  });
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <Modal opened onClose={onClose} title={user === null ? "New user" : `Edit ${user.username}`}>
      <form onSubmit={submit} autoComplete="off">
        <Stack>
          {save.error !== null && <Fault error={save.error} />}
          <TextInput
            label="User name"
            description="It cannot be changed later"
            required
            disabled={user !== null}
            autoComplete="off"
            value={draft.username}
            onChange={(event) => change({ username: event.currentTarget.value })}
          />
          <PasswordInput
            label="Password"
            description={user === null ? "8 characters or more" : "Leave it empty to keep it; a new one ends every session of the person"}
            required={user === null}
            minLength={8}
            autoComplete="new-password"
            visibilityToggleButtonProps={{ "aria-label": "Show the password", tabIndex: 0 }}
            value={draft.password}
            onChange={(event) => change({ password: event.currentTarget.value })}
          />
          <Group grow>
            <TextInput label="First name" value={draft.firstName} onChange={(event) => change({ firstName: event.currentTarget.value })} />
            <TextInput label="Last name" value={draft.lastName} onChange={(event) => change({ lastName: event.currentTarget.value })} />
          </Group>
          <TextInput label="Email" type="email" value={draft.email} onChange={(event) => change({ email: event.currentTarget.value })} />
          <Checkbox label="Active: can log in" checked={draft.active} onChange={(event) => change({ active: event.currentTarget.checked })} />
          <Checkbox label="Administrator of the tenant" checked={draft.admin} onChange={(event) => change({ admin: event.currentTarget.checked })} />
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
