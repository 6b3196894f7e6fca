import { Button, Checkbox, Group, Table, TagsInput, Textarea, TextInput, VisuallyHidden } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { useState } from "react";
import { api, good, type Schemas } from "../api/client";
import { may } from "../api/rights";
import { useMe } from "../api/queries";
import { refresh } from "../api/refresh";
import { calendarsQuery } from "../schedules/queries";
import { Confirm } from "../ui/Confirm";
import { FormDialog } from "../ui/FormDialog";
import { Answer, Empty, Page } from "../ui/parts";
import { toast } from "../ui/toasts";
import { plural, stateText } from "../ui/words";

type Calendar = Schemas["CalendarBody"];

const WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

const changed = () => refresh(["calendars"]);

export function BusinessCalendars() {
  const me = useMe();
  const calendars = useQuery(calendarsQuery);
  const [edited, setEdited] = useState<Calendar | "new" | null>(null);
  const [doomed, setDoomed] = useState<Calendar | null>(null);
  const mayWrite = may(me, "calendars_write");
  const create = (
    <Button leftSection={<Plus size={16} />} onClick={() => setEdited("new")}>
      New calendar
    </Button>
  );
  return (
    <Page
      title="Business calendars"
      about={<span className="crumbs">Holidays and working days, for all schedules of the tenant.</span>}
      actions={mayWrite ? create : undefined}
    >
      <section className="panel" aria-label="Business calendars">
        <Answer query={calendars}>
          {(found) =>
            found.length === 0 ? (
              <Empty title="No calendars yet" action={mayWrite ? create : undefined}>
                A calendar is a list of days: holidays, weekends. A schedule that uses it is not due on them,
                only due on them, or due on the next day that is none.
              </Empty>
            ) : (
              <div className="scroll">
                <Table highlightOnHover>
                  <Table.Thead>
                    <Table.Tr>
                      <Table.Th>Calendar</Table.Th>
                      <Table.Th>Days of the week</Table.Th>
                      <Table.Th>Every year</Table.Th>
                      <Table.Th>Dates</Table.Th>
                      <Table.Th>
                        <VisuallyHidden>Actions</VisuallyHidden>
                      </Table.Th>
                    </Table.Tr>
                  </Table.Thead>
                  <Table.Tbody>
                    {found.map((calendar) => (
                      <Table.Tr key={calendar.id}>
                        <Table.Td>
                          <div className="cell-text" style={{ maxWidth: 300 }}>
                            {calendar.name}
                          </div>
                          <div className="crumbs cell-text" style={{ margin: 0, maxWidth: 300 }} title={calendar.description}>
                            {calendar.description}
                          </div>
                        </Table.Td>
                        <Table.Td>{WEEKDAYS.filter((day) => calendar.weekly_days.includes(day)).map(stateText).join(", ") || "–"}</Table.Td>
                        <Table.Td>
                          <div className="cell-text" style={{ maxWidth: 220 }} title={calendar.yearly_dates.join(", ")}>
                            {calendar.yearly_dates.join(", ") || "–"}
                          </div>
                        </Table.Td>
                        <Table.Td style={{ whiteSpace: "nowrap" }} title={calendar.dates.join(", ")}>
                          {calendar.dates.length === 0 ? "–" : plural(calendar.dates.length, "date")}
                        </Table.Td>
                        <Table.Td>
                          {mayWrite && (
                            <div className="row-actions">
                              <Button size="compact-sm" variant="default" aria-label={`Edit ${calendar.name}`} onClick={() => setEdited(calendar)}>
                                Edit
                              </Button>
                              <Button size="compact-sm" variant="default" aria-label={`Delete ${calendar.name}`} onClick={() => setDoomed(calendar)}>
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
            )
          }
        </Answer>
      </section>
      {edited !== null && (
        <CalendarDialog calendar={edited === "new" ? undefined : edited} onClose={() => setEdited(null)} />
      )}
      <Confirm
        opened={doomed !== null}
        title="Delete the calendar?"
        action="Delete"
        onClose={() => setDoomed(null)}
        onConfirm={async () => {
          await good(api.DELETE("/v1/calendars/{id}", { params: { path: { id: doomed?.id ?? "" } } }));
          toast(`Deleted ${doomed?.name ?? ""}`);
          await changed();
        }}
      >
        <strong>{doomed?.name}</strong> goes for good. A calendar that a schedule uses stays.
      </Confirm>
    </Page>
  );
}

function CalendarDialog({ calendar, onClose }: { calendar?: Calendar; onClose: () => void }) {
  const [draft, setDraft] = useState({
    name: calendar?.name ?? "",
    description: calendar?.description ?? "",
    weekly_days: calendar?.weekly_days ?? [],
    yearly_dates: calendar?.yearly_dates ?? [],
  });
  const [dates, setDates] = useState(calendar?.dates.join("\n") ?? "");
  const change = (part: Partial<typeof draft>) => setDraft((old) => ({ ...old, ...part }));
  const save = async () => {
    const body = { ...draft, dates: dates.split(/[\s,;]+/).filter((date) => date !== "") };
    await (calendar === undefined
      ? good(api.POST("/v1/calendars", { body }))
      : good(api.PUT("/v1/calendars/{id}", { params: { path: { id: calendar.id } }, body })));
    toast(`Saved ${draft.name}`);
    await changed();
  };
  return (
    <FormDialog title={calendar === undefined ? "New calendar" : `Edit ${calendar.name}`} size="lg" onSave={save} onClose={onClose}>
      <TextInput label="Name" required maxLength={100} data-autofocus value={draft.name} onChange={(e) => change({ name: e.currentTarget.value })} />
      <Textarea label="Description" autosize maxLength={2000} value={draft.description} onChange={(e) => change({ description: e.currentTarget.value })} />
      <Checkbox.Group label="Days of the week" value={draft.weekly_days} onChange={(value) => change({ weekly_days: value })}>
        <Group gap="md" mt={4}>
          {WEEKDAYS.map((day) => (
            <Checkbox key={day} value={day} label={stateText(day)} />
          ))}
        </Group>
      </Checkbox.Group>
      <TagsInput label="Every year" description="Month and day, such as 12-25; Enter after each" value={draft.yearly_dates} onChange={(value) => change({ yearly_dates: value })} />
      <Textarea
        label="Dates"
        description="Such as 2027-03-26, one a line; a column of a spreadsheet can be pasted"
        autosize
        minRows={4}
        maxRows={14}
        spellCheck={false}
        value={dates}
        onChange={(event) => setDates(event.currentTarget.value)}
      />
    </FormDialog>
  );
}
