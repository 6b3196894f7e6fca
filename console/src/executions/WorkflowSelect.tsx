import { Select, type OptionsFilter, type SelectProps } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { versionsQuery, workflowsQuery } from "../workflows/queries";

// The server has searched already.
const asFound: OptionsFilter = ({ options }) => options;

/** Chooses one of the workflows that the caller sees, by its name. */
export function WorkflowSelect({
  value,
  project,
  ...said
}: Pick<SelectProps, "label" | "aria-label" | "placeholder" | "required" | "clearable" | "clearButtonProps" | "style" | "onChange"> & {
  value: string | null;
  project?: string;
}) {
  const [text, setText] = useState("");
  const [wanted] = useDebouncedValue(text.trim(), 200);
  const versions = useQuery({ ...versionsQuery(value ?? ""), enabled: value !== null, retry: false });
  const name = versions.data?.[0]?.workflow_name;
  const search = wanted === name ? undefined : wanted || undefined;
  const found = useInfiniteQuery(workflowsQuery({ search, project }));
  const data = (found.data?.pages[0]?.items ?? []).map((each) => ({
    value: each.workflow_id,
    label: each.workflow_name,
  }));
  if (value !== null && !data.some((each) => each.value === value)) {
    data.unshift({ value, label: name ?? "One workflow" });
  }
  return (
    <Select
      {...said}
      searchable
      filter={asFound}
      nothingFoundMessage="No workflow has this name"
      data={data}
      value={value}
      searchValue={text}
      onSearchChange={setText}
    />
  );
}
