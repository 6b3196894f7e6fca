import { Button, PasswordInput, Stack } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState, type SyntheticEvent } from "react";
import { api, good } from "../api/client";
import { projectsQuery, useMe } from "../api/queries";
import { may } from "../api/rights";
import { forgetTokens } from "../session/tokens";
import { CopyButton, Fault, Page, Panel } from "../ui/parts";
import { toast } from "../ui/toasts";

export function Account() {
  const me = useMe();
  const projects = useQuery({ ...projectsQuery, enabled: may(me, "project_read") });
  const names = new Map(projects.data?.map((each) => [each.id, each.name]));
  return (
    <Page title="My account">
      <div className="cols">
        <Panel title="Who I am">
          <dl className="facts">
            <dt>User name</dt>
            <dd>{me.name}</dd>
            <dt>User id</dt>
            <dd>
              {me.id} <CopyButton text={me.id} what="user id" />
            </dd>
            <dt>Tenant</dt>
            <dd>{me.tenant.name}</dd>
            <dt>Application role</dt>
            <dd>{me.application_role ?? "None"}</dd>
            <dt>Project roles</dt>
            <dd>
              {me.projects.length === 0
                ? "None"
                : me.projects.map((held) => (
                    <div key={`${held.role} ${held.project_id}`}>
                      {held.role} in {names.get(held.project_id) ?? "a project"}
                    </div>
                  ))}
            </dd>
            <dt>Address</dt>
            <dd>{me.client_address}</dd>
          </dl>
        </Panel>
        <Panel title="Change the password">
          <Password id={me.id} />
        </Panel>
      </div>
    </Page>
  );
}

function Password({ id }: { id: string }) {
  const [old, setOld] = useState("");
  const [fresh, setFresh] = useState("");
  const [again, setAgain] = useState("");
  const change = useMutation({
    mutationFn: () =>
      good(
        api.POST("/api/users/{id}/password", {
          params: { path: { id } },
          body: { oldPassword: old, newPassword: fresh, confirmNewPassword: again },
        }),
      ),
    onSuccess: async () => {
      toast("The password is changed. Log in with the new one.");
      // The server has ended every session of this person, this one too.
      await forgetTokens(true);
    },
  });
  const differs = again !== "" && again !== fresh;
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    if (!differs) change.mutate();
  };
  const show = { "aria-label": "Show the password", tabIndex: 0 };
  return (
    <form onSubmit={submit}>
      <Stack>
        {change.error !== null && <Fault error={change.error} />}
        <PasswordInput label="Old password" required autoComplete="current-password" visibilityToggleButtonProps={show} value={old} onChange={(event) => setOld(event.currentTarget.value)} />
        <PasswordInput label="New password" required minLength={8} autoComplete="new-password" visibilityToggleButtonProps={show} value={fresh} onChange={(event) => setFresh(event.currentTarget.value)} />
        <PasswordInput label="New password again" required autoComplete="new-password" visibilityToggleButtonProps={show} error={differs ? "It is not the same" : null} value={again} onChange={(event) => setAgain(event.currentTarget.value)} />
        <div>
          <Button type="submit" loading={change.isPending}>
            Change password
          </Button>
        </div>
      </Stack>
    </form>
  );
}
