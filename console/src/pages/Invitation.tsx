/** Where the link of an invitation's letter leads. The token stands behind the #: no log has it. */

import { Button, PasswordInput, Stack, TextInput } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, useLocation, useNavigate } from "@tanstack/react-router";
import { useEffect, useState, type SyntheticEvent } from "react";
import { api, ApiError, good, type Schemas } from "../api/client";
import { queryClient } from "../api/queries";
import { logIn } from "../session/session";
import { Answer, Fault } from "../ui/parts";
import { instantText } from "../ui/words";

export function Invitation() {
  const token = useLocation({ select: (location) => location.hash });
  useEffect(() => {
    document.title = "Invitation · Treadle";
  }, []);
  const asked = useQuery({
    queryKey: ["invitation", token],
    queryFn: () => good(api.POST("/v1/invitations/read", { body: { token } })),
    staleTime: Infinity,
    retry: false,
  });
  const isDead = token === "" || (asked.error instanceof ApiError && asked.error.status === 401);
  return (
    <div className="login">
      <main>
        <Stack gap="xs" align="center" mb="lg">
          <img src="/favicon.svg" width={40} height={40} alt="" />
          <h1>{isDead ? "This invitation cannot be used" : "You are invited to Treadle"}</h1>
        </Stack>
        <div className="panel">
          <Stack className="inside" p="md">
            {isDead ? (
              <Dead />
            ) : (
              <Answer query={asked}>{(found) => <Accept asked={found} token={token} />}</Answer>
            )}
          </Stack>
        </div>
      </main>
    </div>
  );
}

function Dead() {
  return (
    <>
      <div role="alert">
        It is wrong, expired, revoked or used. A link works once, and for a week: ask whoever invited you
        for another one. Look also whether the mail program has cut the link off.
      </div>
      <Link to="/login">Log in with an account that you have</Link>
    </>
  );
}

function Accept({ asked, token }: { asked: Schemas["AskedBody"]; token: string }) {
  const navigate = useNavigate();
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const accept = useMutation({
    mutationFn: async () => {
      const made = await good(
        api.POST("/v1/invitations/accept", { body: { token, username, password } }),
      );
      await logIn(made.username, password);
    },
    onSuccess: async () => {
      queryClient.clear();
      await navigate({ to: "/", replace: true });
    },
  });
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    accept.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Stack>
        <p style={{ margin: 0, overflowWrap: "anywhere" }}>
          <strong>{asked.invited_by}</strong> invites <strong>{asked.email}</strong> as{" "}
          <strong>{asked.role}</strong>{" "}
          {asked.project === null ? (
            <>in the whole tenant {asked.tenant}</>
          ) : (
            <>
              in the project <strong>{asked.project}</strong> of {asked.tenant}
            </>
          )}
          , until {instantText(asked.expires_at)}.
        </p>
        {accept.error !== null && <Fault error={accept.error} />}
        <TextInput
          label="User name"
          description="It cannot be changed later"
          autoComplete="username"
          required
          withAsterisk={false}
          autoFocus
          value={username}
          onChange={(event) => setUsername(event.currentTarget.value)}
        />
        <PasswordInput
          label="Password"
          description="8 characters or more"
          autoComplete="new-password"
          required
          withAsterisk={false}
          minLength={8}
          visibilityToggleButtonProps={{ "aria-label": "Show the password", tabIndex: 0 }}
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
        />
        <Button type="submit" loading={accept.isPending}>
          Accept
        </Button>
      </Stack>
    </form>
  );
}
