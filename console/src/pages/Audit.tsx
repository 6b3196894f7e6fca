import { Button, Select, Table, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { useInfiniteQuery, useMutation } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Download } from "lucide-react";
import { useState } from "react";
import { api, good, type Schemas } from "../api/client";
import { download } from "../api/download";
import { Answer, Empty, Page } from "../ui/parts";
import { toastError } from "../ui/toasts";
import { instantText } from "../ui/words";

type Entry = Schemas["AuditEntryBody"];

const SIZE = 100;
const TEXTS = [
  { name: "actor", label: "Who", placeholder: "user:1" },
  { name: "action", label: "What", placeholder: "role.give" },
  { name: "target", label: "To what", placeholder: "user:7" },
] as const;

/** Who did what, and what was refused. Nothing here can be changed. */
export function Audit() {
  const search = useSearch({ from: "/app/audit" });
  const navigate = useNavigate({ from: "/audit" });
  const go = (part: Partial<typeof search>) =>
    void navigate({ search: (old) => ({ ...old, ...part }), replace: true });
  const filters = {
    actor: search.actor,
    action: search.action,
    target: search.target,
    outcome: search.outcome === "allowed" || search.outcome === "refused" ? search.outcome : undefined,
    from: instantOf(search.from),
    to: instantOf(search.to),
  } as const;
  const entries = useInfiniteQuery({
    queryKey: ["audit", filters],
    queryFn: ({ pageParam }) =>
      good(
        api.GET("/v1/audit", {
          params: { query: { ...filters, limit: SIZE, cursor: pageParam } },
        }),
      ),
    initialPageParam: undefined as number | undefined,
    getNextPageParam: (last) => (last.next_cursor === null ? undefined : Number(last.next_cursor)),
  });
  const save = useMutation({
    mutationFn: () => {
      const query = new URLSearchParams(
        Object.entries(filters).filter((each): each is [string, string] => each[1] !== undefined),
      );
      return download(`/v1/audit/export?${query.toString()}`, "audit.jsonl");
    },
    onError: toastError,
  });
  return (
    <Page
      title="Audit log"
      about={<span className="crumbs">Every change to people, roles, keys and secrets, and every refusal.</span>}
      actions={
        <Button variant="default" leftSection={<Download size={15} />} loading={save.isPending} onClick={() => save.mutate()}>
          Export what is shown
        </Button>
      }
    >
      <section className="panel" aria-label="Audit log">
        <header>
          {TEXTS.map((each) => (
            <Filter key={each.name} {...each} value={search[each.name]} onChange={(value) => go({ [each.name]: value })} />
          ))}
          <Select
            aria-label="Outcome"
            placeholder="Any outcome"
            clearable
            clearButtonProps={{ "aria-label": "Any outcome" }}
            data={[
              { value: "allowed", label: "Allowed" },
              { value: "refused", label: "Refused" },
            ]}
            value={search.outcome ?? null}
            onChange={(value) => go({ outcome: value ?? undefined })}
            style={{ flex: "0 1 150px" }}
          />
          <TextInput type="datetime-local" style={{ flex: "0 1 205px" }} aria-label="From, by your clock" value={search.from ?? ""} onChange={(event) => go({ from: event.currentTarget.value || undefined })} />
          <TextInput type="datetime-local" style={{ flex: "0 1 205px" }} aria-label="Before, by your clock" value={search.to ?? ""} onChange={(event) => go({ to: event.currentTarget.value || undefined })} />
        </header>
        <Answer query={entries}>
          {(found) => {
            const rows = found.pages.flatMap((page) => page.items);
            return rows.length === 0 ? (
              <Empty title="No entry is like this">Filters hold together, and are compared exactly.</Empty>
            ) : (
              <>
                <EntryTable entries={rows} />
                {entries.hasNextPage && (
                  <div className="foot" style={{ justifyContent: "center" }}>
                    <Button variant="default" loading={entries.isFetchingNextPage} onClick={() => void entries.fetchNextPage()}>
                      Show older ones
                    </Button>
                  </div>
                )}
              </>
            );
          }}
        </Answer>
      </section>
    </Page>
  );
}

/** The field is on the reader's clock; half-typed it is no time. */
function instantOf(text: string | undefined): string | undefined {
  const at = Date.parse(text ?? "");
  return Number.isNaN(at) ? undefined : new Date(at).toISOString();
}

function Filter({
  label,
  placeholder,
  value,
  onChange,
}: {
  label: string;
  placeholder: string;
  value: string | undefined;
  onChange: (value: string | undefined) => void;
}) {
  const [text, setText] = useState(value ?? "");
  const look = useDebouncedCallback((wanted: string) => onChange(wanted.trim() || undefined), 250);
  return (
    <TextInput
      aria-label={label}
      placeholder={`${label}: ${placeholder}`}
      value={text}
      onChange={(event) => {
        setText(event.currentTarget.value);
        look(event.currentTarget.value);
      }}
      style={{ flex: "0 1 170px" }}
    />
  );
}

function EntryTable({ entries }: { entries: Entry[] }) {
  return (
    <div className="scroll">
      <Table highlightOnHover>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Number</Table.Th>
            <Table.Th>When</Table.Th>
            <Table.Th>Outcome</Table.Th>
            <Table.Th>Who</Table.Th>
            <Table.Th>What</Table.Th>
            <Table.Th>To what</Table.Th>
            <Table.Th>From</Table.Th>
            <Table.Th>Change</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {entries.map((entry) => (
            <Table.Tr key={entry.id}>
              <Table.Td>{entry.number}</Table.Td>
              <Table.Td style={{ whiteSpace: "nowrap" }}>
                <time dateTime={entry.at}>{instantText(entry.at)}</time>
              </Table.Td>
              <Table.Td>
                <span className={entry.outcome === "refused" ? "state bad" : "state good"}>
                  {entry.outcome === "refused" ? "Refused" : "Allowed"}
                </span>
                {entry.times > 1 && ` ${entry.times}×`}
              </Table.Td>
              <Cell text={entry.actor} width={180} />
              <Cell text={entry.action} width={220} />
              <Cell text={entry.target} width={180} />
              <Cell text={entry.address} width={140} />
              <Table.Td>
                <Change entry={entry} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}

function Cell({ text, width }: { text: string; width: number }) {
  return (
    <Table.Td>
      <div className="cell-text" style={{ maxWidth: width }} title={text}>
        {text}
      </div>
    </Table.Td>
  );
}

function Change({ entry }: { entry: Entry }) {
  const parts = [
    ["before", entry.before],
    ["after", entry.after],
  ].filter(([, value]) => value !== null);
  if (parts.length === 0) return null;
  return (
    <details>
      <summary style={{ whiteSpace: "nowrap" }}>Show</summary>
      <pre className="result" tabIndex={0} style={{ minWidth: 240 }}>
        {JSON.stringify(Object.fromEntries(parts), null, 1)}
        {`\nrequest ${entry.request_id}`}
      </pre>
    </details>
  );
}
