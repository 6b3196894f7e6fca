import { Button, Group, Modal, Select, Stack, Table, Tabs, TextInput, VisuallyHidden } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { KeyRound, Mail, Plus, UserRound } from "lucide-react";
import { useState, type ReactNode, type SyntheticEvent } from "react";
import { api, good } from "../api/client";
import { may } from "../api/rights";
import { keysQuery, membersQuery, projectsQuery, rolesQuery, useMe, usersQuery, type Member } from "../api/queries";
import { refresh } from "../api/refresh";
import { Invitations, InviteDialog } from "../access/Invitations";
import { APPLICATION_ROLES, PROJECT_ROLES } from "../access/roleNames";
import { ProjectMenu } from "../access/ProjectMenu";
import { Confirm } from "../ui/Confirm";
import { Answer, Empty, Fault, Page, type Crumb, Time } from "../ui/parts";
import { toast } from "../ui/toasts";

export function ApplicationRoles() {
  const me = useMe();
  const { role } = useSearch({ from: "/app/roles" });
  const navigate = useNavigate({ from: "/roles" });
  return (
    <RolePage
      title="Application roles"
      about="They hold in the whole tenant."
      roles={APPLICATION_ROLES}
      role={role}
      onRole={(next) => void navigate({ search: (old) => ({ ...old, role: next }), replace: true })}
      mayWrite={may(me, "roles_write")}
    />
  );
}

export function ProjectRoles() {
  const me = useMe();
  const { projectId } = useParams({ from: "/app/projects/$projectId" });
  const { role } = useSearch({ from: "/app/projects/$projectId" });
  const navigate = useNavigate({ from: "/projects/$projectId" });
  const projects = useQuery(projectsQuery);
  const project = projects.data?.find((each) => each.id === projectId);
  return (
    <RolePage
      title={project?.name ?? "Project"}
      about={project?.description ?? ""}
      crumbs={[{ label: "Projects", link: { to: "/projects" } }]}
      roles={PROJECT_ROLES}
      role={role}
      onRole={(next) => void navigate({ search: (old) => ({ ...old, role: next }), replace: true })}
      projectId={projectId}
      mayWrite={may(me, "project_members_write", projectId)}
      menu={
        project !== undefined && may(me, "project_write", projectId) ? (
          <ProjectMenu project={project} />
        ) : undefined
      }
    />
  );
}

function RolePage({
  title,
  about,
  crumbs,
  roles,
  role,
  onRole,
  projectId,
  mayWrite,
  menu,
}: {
  title: string;
  about: string;
  crumbs?: Crumb[];
  roles: string[];
  role: string | undefined;
  onRole: (role: string) => void;
  projectId?: string;
  mayWrite: boolean;
  menu?: ReactNode;
}) {
  const shown = roles.find((each) => each === role) ?? roles[0] ?? "";
  const [isAdding, setIsAdding] = useState(false);
  const [isInviting, setIsInviting] = useState(false);
  const members = useQuery(membersQuery(projectId));
  const add = (
    <Button leftSection={<Plus size={16} />} onClick={() => setIsAdding(true)}>
      Add User
    </Button>
  );
  return (
    <Page title={title} crumbs={crumbs} about={<span className="crumbs">{about}</span>} actions={menu}>
      <Tabs value={shown} onChange={(next) => onRole(next ?? shown)} keepMounted={false}>
        <Tabs.List aria-label="Roles">
          {roles.map((each) => (
            <Tabs.Tab key={each} value={each}>
              {each}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {roles.map((each) => (
          <Tabs.Panel key={each} value={each} pt="md">
            <section className="panel" aria-label={`Members with the role ${each}`}>
              <header>
                <h2>{each}</h2>
                {mayWrite && (
                  <>
                    <Button variant="default" leftSection={<Mail size={16} />} onClick={() => setIsInviting(true)}>
                      Invite
                    </Button>
                    {add}
                  </>
                )}
              </header>
              <Meaning role={each} />
              <Answer query={members}>
                {(found) => {
                  const held = found.filter((member) => member.role === each);
                  return held.length === 0 ? (
                    <Empty title="Nobody holds this role">
                      {mayWrite
                        ? "Add User gives it to a person or to an API Key."
                        : "An owner of the project, or an administrator, gives it."}
                    </Empty>
                  ) : (
                    <MemberTable members={held} mayWrite={mayWrite} projectId={projectId} />
                  );
                }}
              </Answer>
            </section>
          </Tabs.Panel>
        ))}
      </Tabs>
      {mayWrite && (
        <div style={{ marginTop: 16 }}>
          <Invitations projectId={projectId} />
        </div>
      )}
      {isInviting && (
        <InviteDialog roles={roles} role={shown} projectId={projectId} onClose={() => setIsInviting(false)} />
      )}
      {isAdding && (
        <AddMember role={shown} projectId={projectId} onClose={() => setIsAdding(false)} />
      )}
    </Page>
  );
}

/** What the role allows, in the server's own words. */
function Meaning({ role }: { role: string }) {
  const roles = useQuery(rolesQuery);
  if (roles.data === undefined) return null;
  const found = [...roles.data.application_roles, ...roles.data.project_roles].find(
    (each) => each.role === role,
  );
  const meanings = new Map(roles.data.rights.map((right) => [right.right, right.meaning]));
  const texts = (found?.rights ?? []).map((right) => meanings.get(right) ?? right);
  const text = texts.length === roles.data.rights.length ? "do everything" : texts.join(", ");
  return (
    <p className="crumbs" style={{ margin: 0, padding: "10px 14px 0" }}>
      Allows to {text}.
    </p>
  );
}

function MemberTable({
  members,
  mayWrite,
  projectId,
}: {
  members: Member[];
  mayWrite: boolean;
  projectId: string | undefined;
}) {
  const [doomed, setDoomed] = useState<Member | null>(null);
  return (
    <div className="scroll">
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Name</Table.Th>
            <Table.Th>Member type</Table.Th>
            <Table.Th>Since</Table.Th>
            <Table.Th>
                <VisuallyHidden>Actions</VisuallyHidden>
              </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {members.map((member) => (
            <Table.Tr key={member.id}>
              <Table.Td>
                <div className="cell-text">{member.name}</div>
              </Table.Td>
              <Table.Td style={{ whiteSpace: "nowrap" }}>
                <Group gap={6} wrap="nowrap">
                  {member.member_type === "user" ? (
                    <UserRound size={15} aria-hidden />
                  ) : (
                    <KeyRound size={15} aria-hidden />
                  )}
                  {member.member_type === "user" ? "User" : "API Key"}
                </Group>
              </Table.Td>
              <Table.Td>
                <Time at={member.created_at} />
              </Table.Td>
              <Table.Td>
                {mayWrite && (
                  <div className="row-actions">
                    <Button
                      size="compact-sm"
                      variant="default"
                      aria-label={`Remove ${member.name}`}
                      onClick={() => setDoomed(member)}
                    >
                      Remove
                    </Button>
                  </div>
                )}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      <Confirm
        opened={doomed !== null}
        title="Take the role away?"
        action="Remove"
        onClose={() => setDoomed(null)}
        onConfirm={async () => {
          await good(api.DELETE("/v1/members/{id}", { params: { path: { id: doomed?.id ?? "" } } }));
          await refreshMembers(projectId);
        }}
      >
        <strong style={{ overflowWrap: "anywhere" }}>{doomed?.name}</strong> is no longer {doomed?.role},
        from the next request on.
      </Confirm>
    </div>
  );
}

type MemberType = "user" | "api_key";

function AddMember({
  role,
  projectId,
  onClose,
}: {
  role: string;
  projectId: string | undefined;
  onClose: () => void;
}) {
  const me = useMe();
  const [type, setType] = useState<MemberType>("user");
  const [memberId, setMemberId] = useState("");
  const add = useMutation({
    mutationFn: () =>
      good(
        api.POST("/v1/members", {
          body: { member_type: type, member_id: memberId.trim(), role, project_id: projectId },
        }),
      ),
    onSuccess: async (member) => {
      toast(`${member.name} is now ${role}`);
      await refreshMembers(projectId);
      onClose();
    },
  });
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    if (memberId !== "") add.mutate();
  };
  const choose = (next: MemberType) => {
    setType(next);
    setMemberId("");
  };
  // Owners of a project who administer nothing may add whom they can name, but see no lists.
  const canList = may(me, type === "user" ? "users_read" : "keys_read");
  return (
    <Modal opened onClose={onClose} title={`Add User: ${role}`}>
      <form onSubmit={submit}>
        <Stack>
          {add.error !== null && <Fault error={add.error} />}
          <Select
            label="Member type"
            data={[
              { value: "user", label: "Users" },
              { value: "api_key", label: "API Keys" },
            ]}
            value={type}
            allowDeselect={false}
            onChange={(next) => choose(next === "api_key" ? "api_key" : "user")}
          />
          {!canList ? (
            <TextInput
              label={type === "user" ? "User id" : "Client ID"}
              description={
                type === "user"
                  ? "The person finds it under My account"
                  : "Whoever made the key has it"
              }
              required
              value={memberId}
              onChange={(event) => setMemberId(event.currentTarget.value)}
            />
          ) : type === "user" ? (
            <UserChoice value={memberId} onChange={setMemberId} />
          ) : (
            <KeyChoice value={memberId} onChange={setMemberId} />
          )}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={add.isPending} disabled={memberId === ""}>
              Submit
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

function UserChoice({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const [text, setText] = useState("");
  const users = useQuery(usersQuery({ offset: 0, size: 200 }));
  return (
    <Select
      label="User"
      required
      searchable
      searchValue={text}
      onSearchChange={setText}
      nothingFoundMessage="No such user"
      data={(users.data?.items ?? []).map((user) => ({ value: user.id, label: user.username }))}
      value={value === "" ? null : value}
      onChange={(next) => onChange(next ?? "")}
    />
  );
}

function KeyChoice({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const keys = useQuery(keysQuery);
  return (
    <Select
      label="API Key"
      required
      searchable
      nothingFoundMessage="No such key; Remote Access makes one"
      data={(keys.data ?? []).map((key) => ({
        value: key.id,
        label: `${key.description} (${key.client_id.slice(0, 8)}…)`,
      }))}
      value={value === "" ? null : value}
      onChange={(next) => onChange(next ?? "")}
    />
  );
}

async function refreshMembers(projectId: string | undefined): Promise<void> {
  await refresh(["members", projectId ?? null], ["api-keys"], ["me"]);
}
