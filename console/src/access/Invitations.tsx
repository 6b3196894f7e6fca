import { Button, Select, Table, TextInput, VisuallyHidden } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, good, type Schemas } from "../api/client";
import { invitationsQuery } from "../api/queries";
import { refresh } from "../api/refresh";
import { Confirm } from "../ui/Confirm";
import { FormDialog } from "../ui/FormDialog";
import { Answer, Empty, Panel, Time } from "../ui/parts";
import { toast } from "../ui/toasts";

type Invitation = Schemas["InvitationBody"];

const MAILS: Readonly<Record<Invitation["mail"], string>> = {
  waiting: "On its way",
  sent: "Sent",
  failed: "Could not be delivered",
};

/** Sends somebody a link to come in with this role. */
export function InviteDialog({
  roles,
  role,
  projectId,
  onClose,
}: {
  roles: string[];
  role: string;
  projectId?: string;
  onClose: () => void;
}) {
  const [email, setEmail] = useState("");
  const [chosen, setChosen] = useState(role);
  const invite = async () => {
    const body = { email: email.trim(), role: chosen, project_id: projectId ?? null };
    await good(api.POST("/v1/invitations", { body }));
    toast(`Invited ${email.trim()}`);
    await changed();
  };
  return (
    <FormDialog title="Invite by mail" action="Invite" isBlocked={email.trim() === ""} onSave={invite} onClose={onClose}>
      <div>
        Whoever reads the mail makes an account with the link in it, once and within a week, and has the role
        at once.
      </div>
      <TextInput label="Email" type="email" required data-autofocus value={email} onChange={(event) => setEmail(event.currentTarget.value)} />
      <Select
        label="Role"
        description={projectId === undefined ? "In the whole tenant" : "In this project"}
        data={roles}
        allowDeselect={false}
        value={chosen}
        onChange={(value) => setChosen(value ?? role)}
      />
    </FormDialog>
  );
}

/** Who has been asked to come in and has not come yet. */
export function Invitations({ projectId }: { projectId?: string }) {
  const invitations = useQuery(invitationsQuery(projectId));
  const [doomed, setDoomed] = useState<Invitation | null>(null);
  return (
    <Panel title="Invitations" padded={false}>
      <Answer query={invitations}>
        {(found) => {
          const open = found.filter((each) => each.status !== "accepted");
          return open.length === 0 ? (
            <Empty title="Nobody is invited">
              Invite sends a link by mail, with which somebody makes an account of their own. Until it is used, it
              is listed here.
            </Empty>
          ) : (
            <InvitationTable invitations={open} onRemove={setDoomed} />
          );
        }}
      </Answer>
      <Confirm
        opened={doomed !== null}
        title="Withdraw the invitation?"
        action="Withdraw"
        onClose={() => setDoomed(null)}
        onConfirm={async () => {
          await good(api.DELETE("/v1/invitations/{id}", { params: { path: { id: doomed?.id ?? "" } } }));
          await changed();
        }}
      >
        The link that <strong style={{ overflowWrap: "anywhere" }}>{doomed?.email}</strong> got works no more.
      </Confirm>
    </Panel>
  );
}

function InvitationTable({
  invitations,
  onRemove,
}: {
  invitations: Invitation[];
  onRemove: (invitation: Invitation) => void;
}) {
  return (
    <div className="scroll">
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Email</Table.Th>
            <Table.Th>Role</Table.Th>
            <Table.Th>Invited</Table.Th>
            <Table.Th>Works until</Table.Th>
            <Table.Th>Letter</Table.Th>
            <Table.Th>
              <VisuallyHidden>Actions</VisuallyHidden>
            </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {invitations.map((each) => (
            <Table.Tr key={each.id}>
              <Table.Td>
                <div className="cell-text" style={{ maxWidth: 300 }}>
                  {each.email}
                </div>
              </Table.Td>
              <Table.Td>{each.role}</Table.Td>
              <Table.Td style={{ whiteSpace: "nowrap" }}>
                <Time at={each.created_at} />
              </Table.Td>
              <Table.Td style={{ whiteSpace: "nowrap" }}>
                {each.status === "expired" ? "It is over" : <Time at={each.expires_at} />}
              </Table.Td>
              <Table.Td style={{ whiteSpace: "nowrap" }}>
                {each.mail === "failed" ? <span className="state bad">{MAILS.failed}</span> : MAILS[each.mail]}
              </Table.Td>
              <Table.Td>
                <div className="row-actions">
                  <Button
                    size="compact-sm"
                    variant="default"
                    aria-label={`Withdraw the invitation of ${each.email}`}
                    onClick={() => onRemove(each)}
                  >
                    Withdraw
                  </Button>
                </div>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}

async function changed(): Promise<void> {
  await refresh(["invitations"]);
}
