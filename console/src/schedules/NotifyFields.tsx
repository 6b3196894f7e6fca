import { Select, TagsInput, Textarea, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { ActionDraft } from "./draft";
import { integrationsQuery } from "./queries";

/** Types of integrations that can tell people something. */
const TELLING = ["smtp", "slack", "teams", "http"];

/** Whom a schedule tells what, and through which integration. */
export function NotifyFields({
  action,
  project,
  onChange,
}: {
  action: ActionDraft;
  project?: string;
  onChange: (part: Partial<ActionDraft>) => void;
}) {
  const integrations = useQuery(integrationsQuery(project));
  const found = (integrations.data ?? []).filter((each) => TELLING.includes(each.type));
  const chosen = found.find((each) => each.name === action.integration || each.id === action.integration);
  const names = [...new Set(found.map((each) => each.name))];
  const value = chosen?.name ?? action.integration;
  if (value !== "" && !names.includes(value)) names.unshift(value);
  return (
    <>
      <Select
        label="Integration"
        description="Mail, Slack, Teams or HTTP, of the schedule's project"
        required
        searchable
        nothingFoundMessage="The project has no integration that can tell people"
        data={names}
        value={value === "" ? null : value}
        onChange={(integration) => onChange({ integration: integration ?? "" })}
      />
      <TagsInput
        label="To"
        description={chosen?.type === "smtp" ? "Addresses; Enter after each" : "Whom, where the integration asks for it; Enter after each"}
        maxTags={50}
        value={action.to}
        onChange={(to) => onChange({ to })}
      />
      <TextInput label="Subject" maxLength={500} value={action.subject} onChange={(event) => onChange({ subject: event.currentTarget.value })} />
      <Textarea
        label="Message"
        required
        autosize
        minRows={3}
        maxLength={20000}
        value={action.message}
        onChange={(event) => onChange({ message: event.currentTarget.value })}
      />
    </>
  );
}
