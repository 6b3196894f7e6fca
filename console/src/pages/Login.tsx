import { Button, PasswordInput, Stack, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useNavigate, useRouter, useSearch } from "@tanstack/react-router";
import { useEffect, useState, type SyntheticEvent } from "react";
import { queryClient } from "../api/queries";
import { logIn, LoginRefused } from "../session/session";

export function Login() {
  const { next, ended } = useSearch({ from: "/login" });
  const navigate = useNavigate();
  const router = useRouter();
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  useEffect(() => {
    document.title = "Log in · Treadle";
  }, []);
  const login = useMutation({
    mutationFn: () => logIn(username, password),
    onSuccess: async () => {
      queryClient.clear();
      // Only addresses of the console: a link must not lead on to another host.
      if (next?.startsWith("/") === true && !next.startsWith("//")) router.history.push(next);
      else await navigate({ to: "/" });
    },
  });
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    login.mutate();
  };
  return (
    <div className="login">
      <main>
        <Stack gap="xs" align="center" mb="lg">
          <img src="/favicon.svg" width={40} height={40} alt="" />
          <h1>Log in to Treadle</h1>
        </Stack>
        <form className="panel" onSubmit={submit}>
          <Stack className="inside" p="md">
            {ended === true && login.isIdle && (
              <div role="status">Your session has ended. Log in to go on where you were.</div>
            )}
            {login.error !== null && (
              <div className="fault" role="alert">
                <strong>{messageOf(login.error)}</strong>
              </div>
            )}
            <TextInput
              label="User name"
              name="username"
              autoComplete="username"
              required
              withAsterisk={false}
              autoFocus
              value={username}
              onChange={(event) => setUsername(event.currentTarget.value)}
            />
            <PasswordInput
              label="Password"
              name="password"
              autoComplete="current-password"
              required
              withAsterisk={false}
              value={password}
              onChange={(event) => setPassword(event.currentTarget.value)}
              visibilityToggleButtonProps={{ "aria-label": "Show the password", tabIndex: 0 }}
            />
            <Button type="submit" loading={login.isPending}>
              Log in
            </Button>
          </Stack>
        </form>
        <p className="crumbs" style={{ textAlign: "center", marginTop: 16 }}>
          First start? The user is <code>admin</code>; the server printed the password.
        </p>
      </main>
    </div>
  );
}

function messageOf(error: Error): string {
  if (error instanceof LoginRefused) return error.message;
  return "The server cannot be reached. Look whether it runs, then try again.";
}
