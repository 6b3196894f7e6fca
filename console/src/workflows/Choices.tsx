/** Fields that name something of the project: a job, another workflow, an integration. */

import { Autocomplete, Select, type OptionsFilter } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, good } from "../api/client";
import { may } from "../api/rights";
import { jobQuery, jobsQuery, useMe } from "../api/queries";
import { workflowsQuery } from "./queries";

interface ChoiceProps {
  label: string;
  description?: string;
  required: boolean;
  project: string;
  value: string | null;
  onChange: (value: string | null) => void;
}

export function JobChoice({ project, value, ...said }: ChoiceProps) {
  const [text, setText] = useState("");
  const [wanted] = useDebouncedValue(text.trim(), 200);
  const chosen = useQuery({ ...jobQuery(value ?? ""), enabled: value !== null, retry: false });
  const isName = wanted === chosen.data?.name;
  const jobs = useQuery(
    jobsQuery({ offset: 0, size: 25, filter: isName ? undefined : wanted || undefined, project }),
  );
  const data = (jobs.data?.items ?? []).map((job) => ({ value: job.id, label: job.name }));
  return (
    <Select
      {...said}
      {...SEARCHED}
      placeholder="Search by name"
      nothingFoundMessage="No job of the project has this name"
      data={withChosen(data, value, chosen.data?.name ?? `Job ${value ?? ""}`)}
      value={value}
      searchValue={text}
      onSearchChange={setText}
    />
  );
}

export function WorkflowChoice({ project, value, ...said }: ChoiceProps) {
  const [text, setText] = useState("");
  const [wanted] = useDebouncedValue(text.trim(), 200);
  const found = useInfiniteQuery(workflowsQuery({ search: wanted || undefined, project }));
  const data = (found.data?.pages[0]?.items ?? []).map((each) => ({
    value: each.workflow_id,
    label: each.workflow_name,
  }));
  return (
    <Select
      {...said}
      {...SEARCHED}
      clearable={!said.required}
      clearButtonProps={{ "aria-label": "No workflow" }}
      placeholder="Search by name"
      nothingFoundMessage="No workflow of the project has this name"
      data={withChosen(data, value, `Workflow ${value ?? ""}`)}
      value={value}
      searchValue={text}
      onSearchChange={setText}
    />
  );
}

/** Integrations are named by their names, which may be of one that is still to be made. */
export function IntegrationChoice({
  project,
  value,
  ...said
}: Omit<ChoiceProps, "value" | "onChange"> & { value: string; onChange: (value: string) => void }) {
  const me = useMe();
  const found = useQuery({
    queryKey: ["integrations", project],
    queryFn: () =>
      good(api.GET("/v1/integrations", { params: { query: { project_id: project, limit: 200 } } })),
    enabled: may(me, "integrations_read", project),
  });
  const names = [...new Set((found.data?.items ?? []).map((each) => each.name))];
  return <Autocomplete {...said} placeholder="Its name" data={names} value={value} />;
}

// The server has searched already.
const asFound: OptionsFilter = ({ options }) => options;
const SEARCHED = { searchable: true, filter: asFound };

function withChosen(data: { value: string; label: string }[], value: string | null, label: string) {
  return value === null || data.some((each) => each.value === value) ? data : [{ value, label }, ...data];
}
