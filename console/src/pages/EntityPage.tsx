import { Button, Modal, Stack, Table, TextInput, VisuallyHidden } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { keepPreviousData, queryOptions, useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Plus, Search, Upload } from "lucide-react";
import { useState } from "react";
import { api, good, type Schemas } from "../api/client";
import { may } from "../api/rights";
import { useMe } from "../api/queries";
import { refresh } from "../api/refresh";
import { faultOf } from "../schedules/draft";
import { EntityDialog, type Entity } from "../schedules/EntityDialog";
import { batchesOf, parseRecords } from "../schedules/records";
import { Confirm } from "../ui/Confirm";
import { DropZone } from "../ui/DropZone";
import { FormDialog } from "../ui/FormDialog";
import { JsonInput } from "../ui/JsonInput";
import { Pager } from "../ui/Pager";
import { Answer, Empty, Fault, Page, Time } from "../ui/parts";
import { toast } from "../ui/toasts";
import { parseObject, plural } from "../ui/words";

type Stored = Schemas["RecordBody"];

const CRUMBS = [{ label: "Entities", link: { to: "/entities" as const } }];

const entityQuery = (id: string) =>
  queryOptions({
    queryKey: ["entity", id],
    queryFn: () => good(api.GET("/v1/entities/{id}", { params: { path: { id } } })),
  });

const recordsQuery = (id: string, query: { limit: number; offset: number; external_id?: string }) =>
  queryOptions({
    queryKey: ["entity", id, "records", query],
    queryFn: () => good(api.GET("/v1/entities/{id}/records", { params: { path: { id }, query } })),
    placeholderData: keepPreviousData,
  });

const recordsChanged = (id: string) =>
  refresh(["entity", id, "records"]);

export function EntityPage() {
  const { entityId } = useParams({ from: "/app/entities/$entityId" });
  const entity = useQuery(entityQuery(entityId));
  if (entity.data === undefined) {
    return (
      <Page title="Entity" crumbs={CRUMBS}>
        <Answer query={entity}>{() => null}</Answer>
      </Page>
    );
  }
  return <Content entity={entity.data} />;
}

function Content({ entity }: { entity: Entity }) {
  const me = useMe();
  const navigate = useNavigate({ from: "/entities/$entityId" });
  const search = useSearch({ from: "/app/entities/$entityId" });
  const [text, setText] = useState(search.filter ?? "");
  const [dialog, setDialog] = useState<"edit" | "delete" | "import" | "record" | null>(null);
  const [edited, setEdited] = useState<Stored | null>(null);
  const [doomed, setDoomed] = useState<Stored | null>(null);
  const size = search.size ?? 25;
  const records = useQuery(
    recordsQuery(entity.id, {
      limit: size,
      offset: ((search.page ?? 1) - 1) * size,
      external_id: search.filter,
    }),
  );
  const look = useDebouncedCallback(
    (filter: string) =>
      void navigate({ search: (old) => ({ ...old, filter: filter || undefined, page: undefined }), replace: true }),
    250,
  );
  const mayDefine = may(me, "entities_write", entity.project_id);
  const mayWrite = may(me, "records_write", entity.project_id);
  const close = () => setDialog(null);
  return (
    <Page
      title={entity.name}
      crumbs={CRUMBS}
      about={
        <span className="crumbs">
          {entity.description} {entity.date_fields.length > 0 && `Dates: ${entity.date_fields.join(", ")}`}
        </span>
      }
      actions={
        <>
          {mayWrite && (
            <>
              <Button leftSection={<Plus size={16} />} onClick={() => setDialog("record")}>
                New record
              </Button>
              <Button variant="default" leftSection={<Upload size={15} />} onClick={() => setDialog("import")}>
                Records from a file
              </Button>
            </>
          )}
          {mayDefine && (
            <>
              <Button variant="default" onClick={() => setDialog("edit")}>
                Edit
              </Button>
              <Button variant="default" onClick={() => setDialog("delete")}>
                Delete
              </Button>
            </>
          )}
        </>
      }
    >
      <section className="panel" aria-label="Records">
        <header>
          <TextInput
            aria-label="Find the record of an external id"
            placeholder="External id, exactly"
            leftSection={<Search size={15} aria-hidden />}
            value={text}
            onChange={(event) => {
              setText(event.currentTarget.value);
              look(event.currentTarget.value);
            }}
            style={{ flex: "0 1 280px" }}
          />
        </header>
        <Answer query={records}>
          {(page) =>
            page.items.length === 0 && page.offset === 0 ? (
              <Empty title={search.filter === undefined ? "No records yet" : "No record has this external id"}>
                Records come one by one, from a file, or through the API. Schedules
                “by records” look at their dates.
              </Empty>
            ) : (
              <>
                <RecordTable
                  records={page.items}
                  mayWrite={mayWrite}
                  onEdit={setEdited}
                  onDelete={setDoomed}
                />
                <Pager
                  page={{
                    totalRecords: page.total,
                    size,
                    pageNumber: Math.floor(page.offset / size),
                    items: page.items,
                    links: { next: page.offset + page.items.length < page.total ? "more" : null },
                  }}
                  onPage={(to) => void navigate({ search: (old) => ({ ...old, page: to + 1 }) })}
                  onSize={(to) => void navigate({ search: (old) => ({ ...old, size: to, page: undefined }) })}
                />
              </>
            )
          }
        </Answer>
      </section>
      {dialog === "edit" && <EntityDialog entity={entity} onClose={close} />}
      {dialog === "import" && <Import entity={entity} onClose={close} />}
      {dialog === "record" && <RecordDialog entity={entity} onClose={close} />}
      {edited !== null && <RecordDialog entity={entity} record={edited} onClose={() => setEdited(null)} />}
      <Confirm
        opened={dialog === "delete"}
        title="Delete the entity?"
        action="Delete"
        onClose={close}
        onConfirm={async () => {
          await good(api.DELETE("/v1/entities/{id}", { params: { path: { id: entity.id } } }));
          toast(`Deleted ${entity.name}`);
          await refresh(["entities"]);
          await navigate({ to: "/entities" });
        }}
      >
        <strong>{entity.name}</strong> goes for good, with all of its records.
      </Confirm>
      <Confirm
        opened={doomed !== null}
        title="Delete the record?"
        action="Delete"
        onClose={() => setDoomed(null)}
        onConfirm={async () => {
          const path = { id: entity.id, record_id: doomed?.id ?? "" };
          await good(api.DELETE("/v1/entities/{id}/records/{record_id}", { params: { path } }));
          await recordsChanged(entity.id);
        }}
      >
        <strong style={{ overflowWrap: "anywhere" }}>{doomed?.external_id}</strong> makes no schedule due any
        more.
      </Confirm>
    </Page>
  );
}

function RecordTable({
  records,
  mayWrite,
  onEdit,
  onDelete,
}: {
  records: Stored[];
  mayWrite: boolean;
  onEdit: (record: Stored) => void;
  onDelete: (record: Stored) => void;
}) {
  return (
    <div className="scroll">
      <Table highlightOnHover>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>External id</Table.Th>
            <Table.Th>Data</Table.Th>
            <Table.Th>Changed</Table.Th>
            <Table.Th>
              <VisuallyHidden>Actions</VisuallyHidden>
            </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {records.map((record) => (
            <Table.Tr key={record.id}>
              <Table.Td>
                <div className="cell-text" style={{ maxWidth: 220 }}>
                  {record.external_id}
                </div>
              </Table.Td>
              <Table.Td>
                <div className="cell-text mono" style={{ maxWidth: 520 }} title={JSON.stringify(record.data, null, 1)}>
                  {JSON.stringify(record.data)}
                </div>
              </Table.Td>
              <Table.Td style={{ whiteSpace: "nowrap" }}>
                <Time at={record.updated_at} />
              </Table.Td>
              <Table.Td>
                {mayWrite && (
                  <div className="row-actions">
                    <Button size="compact-sm" variant="default" aria-label={`Edit ${record.external_id}`} onClick={() => onEdit(record)}>
                      Edit
                    </Button>
                    <Button size="compact-sm" variant="default" aria-label={`Delete ${record.external_id}`} onClick={() => onDelete(record)}>
                      Delete
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

function RecordDialog({ entity, record, onClose }: { entity: Entity; record?: Stored; onClose: () => void }) {
  const [externalId, setExternalId] = useState(record?.external_id ?? "");
  const [data, setData] = useState(record === undefined ? "" : JSON.stringify(record.data, null, 2));
  const fault = faultOf(() => parseObject(data));
  const save = async () => {
    const body = { external_id: externalId, data: parseObject(data) };
    await (record === undefined
      ? good(api.POST("/v1/entities/{id}/records", { params: { path: { id: entity.id } }, body }))
      : good(
          api.PUT("/v1/entities/{id}/records/{record_id}", {
            params: { path: { id: entity.id, record_id: record.id } },
            body,
          }),
        ));
    await recordsChanged(entity.id);
  };
  return (
    <FormDialog
      title={record === undefined ? `New ${entity.name}` : `Edit ${record.external_id}`}
      size="lg"
      isBlocked={fault !== null}
      onSave={save}
      onClose={onClose}
    >
      <TextInput label="External id" description="Its name in the system that it comes from" required maxLength={200} data-autofocus value={externalId} onChange={(e) => setExternalId(e.currentTarget.value)} />
      <JsonInput label="Data" description="A JSON object, as the schema wants it" minRows={6} value={data} fault={fault} onChange={setData} />
    </FormDialog>
  );
}

/** Writes a file's records by their external ids: what is new is made, what differs is changed. */
function Import({ entity, onClose }: { entity: Entity; onClose: () => void }) {
  const [progress, setProgress] = useState<number | null>(null);
  const work = useMutation({
    mutationFn: async (file: File) => {
      const records = parseRecords(await file.text(), file.name);
      const done = { created: 0, updated: 0, unchanged: 0 };
      const batches = batchesOf(records);
      for (const [index, batch] of batches.entries()) {
        setProgress(index / batches.length);
        const part = await good(
          api.POST("/v1/entities/{id}/records/bulk", {
            params: { path: { id: entity.id } },
            body: { records: batch },
          }),
        );
        done.created += part.created;
        done.updated += part.updated;
        done.unchanged += part.unchanged;
      }
      return done;
    },
    onSettled: async () => {
      setProgress(null);
      await recordsChanged(entity.id);
    },
  });
  return (
    <Modal opened onClose={onClose} title={`${entity.name}: records from a file`} size="lg">
      <Stack>
        {work.error !== null && <Fault error={work.error} />}
        {work.data !== undefined && (
          <div role="status">
            {plural(work.data.created, "record")} made, {work.data.updated} changed, {work.data.unchanged} as they
            were.
          </div>
        )}
        <DropZone
          label="Records from a file"
          what="a file of records"
          hint="A JSON array, JSON lines, or a .csv with the column external_id"
          accept=".json,.jsonl,.ndjson,.csv,.txt"
          progress={progress}
          onFile={(file) => work.mutate(file)}
        />
        <div className="crumbs" style={{ margin: 0 }}>
          Each record has an <code>external_id</code>; the other fields are its data. Known ones are changed, no
          record is deleted. Up to 1,000 are written together, all or none.
        </div>
        <Button variant="default" onClick={onClose} style={{ alignSelf: "flex-end" }}>
          Close
        </Button>
      </Stack>
    </Modal>
  );
}
