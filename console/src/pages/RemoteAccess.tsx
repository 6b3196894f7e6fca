import { Button, Menu, Table, VisuallyHidden } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Copy, Plus } from "lucide-react";
import { useState, type MouseEvent } from "react";
import { api, good } from "../api/client";
import { may } from "../api/rights";
import { keysQuery, projectsQuery, useMe, type Key } from "../api/queries";
import { refresh } from "../api/refresh";
import { copyText } from "../ui/clipboard";
import { useNow } from "../ui/clock";
import { Confirm } from "../ui/Confirm";
import { Answer, Empty, Page, Time } from "../ui/parts";
import { LinkButton } from "../ui/LinkButton";
import { toast, toastError } from "../ui/toasts";
import { dayText, instantText, lastDay, plural } from "../ui/words";

interface At {
  key: Key;
  x: number;
  y: number;
}

export function RemoteAccess() {
  const me = useMe();
  const keys = useQuery(keysQuery);
  const mayWrite = may(me, "keys_write");
  const add = (
    <LinkButton to="/remote-access/new" leftSection={<Plus size={16} />}>
      Add API Key
    </LinkButton>
  );
  return (
    <Page
      title="Remote Access"
      about={<span className="crumbs">API Keys: what programs come in with, and from where they may.</span>}
      actions={mayWrite ? add : undefined}
    >
      <section className="panel" aria-label="API Keys">
        <Answer query={keys}>
          {(found) =>
            found.length === 0 ? (
              <Empty title="No API Keys yet" action={mayWrite ? add : undefined}>
                A program that calls the API needs a key. Add one, copy its Client ID and Secret, and give
                it a role: in the whole tenant, or in one project. Until it has a role it is refused
                everything.
              </Empty>
            ) : (
              <KeyTable keys={found} mayWrite={mayWrite} />
            )
          }
        </Answer>
      </section>
    </Page>
  );
}

function KeyTable({ keys, mayWrite }: { keys: Key[]; mayWrite: boolean }) {
  const [doomed, setDoomed] = useState<Key | null>(null);
  const [clicked, setClicked] = useState<At | null>(null);
  const openMenu = (event: MouseEvent, key: Key) => {
    event.preventDefault();
    setClicked({ key, x: event.clientX, y: event.clientY });
  };
  return (
    <div className="scroll">
      <Table highlightOnHover>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Description and Client ID</Table.Th>
            <Table.Th>Expires</Table.Th>
            <Table.Th>Roles</Table.Th>
            <Table.Th>Networking</Table.Th>
            <Table.Th>Last used</Table.Th>
            <Table.Th>
                <VisuallyHidden>Actions</VisuallyHidden>
              </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {keys.map((key) => (
            <Table.Tr key={key.id} onContextMenu={(event) => openMenu(event, key)}>
              <Table.Td>
                <div className="cell-text" style={{ maxWidth: 270 }} title={key.description}>
                  {key.description}
                </div>
                <div className="crumbs mono" style={{ margin: 0, whiteSpace: "nowrap" }}>
                  {key.client_id}
                </div>
              </Table.Td>
              <Table.Td style={{ whiteSpace: "nowrap" }}>
                <Expiry at={key.expires_at} />
              </Table.Td>
              <Table.Td>
                <RolesOf held={key} />
              </Table.Td>
              <Table.Td style={{ whiteSpace: "nowrap" }}>
                {key.firewall_rules.length === 0
                  ? "Any address"
                  : plural(key.firewall_rules.length, "rule")}
              </Table.Td>
              <Table.Td style={{ whiteSpace: "nowrap" }}>
                {key.last_used_at === null ? "Never" : <Time at={key.last_used_at} />}
              </Table.Td>
              <Table.Td>
                {mayWrite && (
                  <div className="row-actions">
                    <LinkButton
                      to="/remote-access/$keyId"
                      params={{ keyId: key.id }}
                      size="compact-sm"
                      variant="default"
                      aria-label={`Edit ${key.description}`}
                    >
                      Edit
                    </LinkButton>
                    <Button
                      size="compact-sm"
                      variant="default"
                      aria-label={`Delete ${key.description}`}
                      onClick={() => setDoomed(key)}
                    >
                      Delete
                    </Button>
                  </div>
                )}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      {clicked !== null && (
        <Menu opened onChange={() => setClicked(null)} position="bottom-start">
          <Menu.Target>
            <button
              type="button"
              className="point"
              aria-label={`Menu of ${clicked.key.description}`}
              style={{ left: clicked.x, top: clicked.y }}
            />
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item
              leftSection={<Copy size={15} aria-hidden />}
              onClick={() => {
                copyText(clicked.key.client_id).then(() => toast("Copied the Client ID"), toastError);
              }}
            >
              Copy
            </Menu.Item>
          </Menu.Dropdown>
        </Menu>
      )}
      <Confirm
        opened={doomed !== null}
        title="Delete the API Key?"
        action="Delete"
        onClose={() => setDoomed(null)}
        onConfirm={async () => {
          await good(api.DELETE("/v1/api-keys/{id}", { params: { path: { id: doomed?.id ?? "" } } }));
          toast(`Deleted ${doomed?.description ?? ""}`);
          await refresh(["api-keys"]);
        }}
      >
        <strong style={{ overflowWrap: "anywhere" }}>{doomed?.description}</strong> stops working at once,
        with every token it made. Its Client ID can never be used again.
      </Confirm>
    </div>
  );
}

function Expiry({ at }: { at: string }) {
  const now = useNow();
  return Date.parse(at) <= now ? (
    <span className="state bad">Expired</span>
  ) : (
    <time dateTime={at} title={instantText(at)}>
      {dayText(lastDay(at))}
    </time>
  );
}

function RolesOf({ held }: { held: Key }) {
  const projects = useQuery(projectsQuery);
  if (held.roles.length === 0) return <span className="state idle">No role</span>;
  const names = new Map(projects.data?.map((project) => [project.id, project.name]));
  const texts = held.roles.map((role) =>
    role.project_id === null ? role.role : `${role.role} in ${names.get(role.project_id) ?? "a project"}`,
  );
  return (
    <div className="cell-text" style={{ maxWidth: 180 }} title={texts.join(", ")}>
      {texts.join(", ")}
    </div>
  );
}
