import { Select, TagsInput, Textarea, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, good, type Schemas } from "../api/client";
import { may } from "../api/rights";
import { projectsQuery, useMe } from "../api/queries";
import { refresh } from "../api/refresh";
import { FormDialog } from "../ui/FormDialog";
import { JsonInput } from "../ui/JsonInput";
import { toast } from "../ui/toasts";
import { parseObject } from "../ui/words";
import { faultOf } from "./draft";

export type Entity = Schemas["EntityBody"];

const SAMPLE = {
  type: "object",
  required: ["customer", "renews_on"],
  properties: {
    customer: { type: "string", minLength: 1 },
    renews_on: { type: "string", format: "date" },
  },
};

/** Makes an entity definition, or changes the one that is given. */
export function EntityDialog({
  entity,
  project,
  onClose,
}: {
  entity?: Entity;
  project?: string;
  onClose: () => void;
}) {
  const me = useMe();
  const projects = useQuery(projectsQuery);
  const [name, setName] = useState(entity?.name ?? "");
  const [description, setDescription] = useState(entity?.description ?? "");
  const [schema, setSchema] = useState(JSON.stringify(entity?.schema ?? SAMPLE, null, 2));
  const [dates, setDates] = useState(entity?.date_fields ?? ["renews_on"]);
  const [place, setPlace] = useState<string | null>(entity?.project_id ?? project ?? null);
  const fault = faultOf(() => parseObject(schema));
  const save = async () => {
    const body = { name, description, schema: parseObject(schema), date_fields: dates, project_id: place };
    const saved = await (entity === undefined
      ? good(api.POST("/v1/entities", { body }))
      : good(api.PUT("/v1/entities/{id}", { params: { path: { id: entity.id } }, body })));
    toast(`Saved ${saved.name}`);
    await refresh(["entities"], ["entity"]);
  };
  return (
    <FormDialog
      title={entity === undefined ? "New entity" : `Edit ${entity.name}`}
      size="lg"
      isBlocked={fault !== null}
      onSave={save}
      onClose={onClose}
    >
      <TextInput label="Name" description="One record's, such as contract" required maxLength={100} data-autofocus value={name} onChange={(e) => setName(e.currentTarget.value)} />
      <Textarea label="Description" autosize maxLength={2000} value={description} onChange={(e) => setDescription(e.currentTarget.value)} />
      <JsonInput label="Schema" description="A JSON Schema (2020-12) that every record obeys" minRows={8} value={schema} fault={fault} onChange={setSchema} />
      <TagsInput label="Date fields" description="Enter after each; a dot leads into an object: customer.since" maxTags={10} value={dates} onChange={setDates} />
      {entity === undefined && (
        <Select
          label="Project"
          placeholder="My default project"
          clearable
          clearButtonProps={{ "aria-label": "My default project" }}
          data={(projects.data ?? [])
            .filter((each) => may(me, "entities_write", each.id))
            .map((each) => ({ value: each.id, label: each.name }))}
          value={place}
          onChange={setPlace}
        />
      )}
    </FormDialog>
  );
}
