import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { api, good, idempotencyKey } from "../api/client";
import { changesOf, draftOf, inputOf, newDraft } from "../schedules/draft";
import { scheduleQuery, schedulesChanged, type Schedule } from "../schedules/queries";
import { ScheduleForm } from "../schedules/ScheduleForm";
import { Answer, Page } from "../ui/parts";
import { toast } from "../ui/toasts";

const CRUMBS = [{ label: "Schedules", link: { to: "/schedules" as const } }];

export function NewSchedule() {
  const { project, job } = useSearch({ from: "/app/schedules/new" });
  const navigate = useNavigate();
  const [start] = useState(() =>
    newDraft(Intl.DateTimeFormat().resolvedOptions().timeZone, project ?? null, job ?? null),
  );
  return (
    <Page title="New schedule" crumbs={CRUMBS}>
      <ScheduleForm
        start={start}
        isNew
        onCancel={() => void navigate({ to: "/schedules" })}
        onSave={async (draft) => {
          const made = await good(
            api.POST("/v1/schedules", {
              params: { header: { "idempotency-key": idempotencyKey() } },
              body: inputOf(draft),
            }),
          );
          toast(`Created ${made.name}`);
          await schedulesChanged();
          await navigate({ to: "/schedules/$scheduleId", params: { scheduleId: made.id } });
        }}
      />
    </Page>
  );
}

export function EditSchedule() {
  const { scheduleId } = useParams({ from: "/app/schedules/$scheduleId/edit" });
  const schedule = useQuery({ ...scheduleQuery(scheduleId), refetchInterval: false });
  if (schedule.data === undefined) {
    return (
      <Page title="Edit schedule" crumbs={CRUMBS}>
        <Answer query={schedule}>{() => null}</Answer>
      </Page>
    );
  }
  return <Edit schedule={schedule.data} />;
}

function Edit({ schedule }: { schedule: Schedule }) {
  const navigate = useNavigate();
  const params = { scheduleId: schedule.id };
  const [start] = useState(() => draftOf(schedule));
  return (
    <Page
      title={`Edit ${schedule.name}`}
      crumbs={[...CRUMBS, { label: schedule.name, link: { to: "/schedules/$scheduleId", params } }]}
    >
      <ScheduleForm
        start={start}
        isNew={false}
        crons={schedule.crons}
        onCancel={() => void navigate({ to: "/schedules/$scheduleId", params })}
        onSave={async (draft) => {
          const saved = await good(
            api.PUT("/v1/schedules/{schedule_id}", {
              params: { path: { schedule_id: schedule.id } },
              body: changesOf(draft),
            }),
          );
          toast(
            saved.version === schedule.version ? "Nothing was different" : `Saved as version ${saved.version}`,
          );
          await schedulesChanged();
          await navigate({ to: "/schedules/$scheduleId", params });
        }}
      />
    </Page>
  );
}
