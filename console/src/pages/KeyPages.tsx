import { Button, Checkbox, Group, Modal, Stack, Tabs, TextInput } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useState, type ReactNode, type SyntheticEvent } from "react";
import { Networking } from "../access/Networking";
import { draftsOf, faultsOf, rulesOf } from "../access/rules";
import { api, good, type Schemas } from "../api/client";
import { keyQuery, type Key } from "../api/queries";
import { refresh } from "../api/refresh";
import { Answer, CopyButton, Fault, Page } from "../ui/parts";
import { LinkButton } from "../ui/LinkButton";
import { toast } from "../ui/toasts";
import { lastDay } from "../ui/words";

const CRUMBS = [{ label: "Remote Access", link: { to: "/remote-access" } as const }];

/**
 * The page of a key that is being made. Its Client ID and Secret are there to be copied before it is
 * saved: they are reserved, and nothing exists under them until then.
 */
export function NewKey() {
  const reservation = useQuery({
    queryKey: ["api-key-reservation"],
    queryFn: () => good(api.POST("/v1/api-keys/reservations")),
    staleTime: Infinity,
    gcTime: 0,
  });
  return (
    <Page title="Add API Key" crumbs={CRUMBS}>
      <Answer query={reservation}>{(reserved) => <NewKeyForm reserved={reserved} />}</Answer>
    </Page>
  );
}

function NewKeyForm({ reserved }: { reserved: Schemas["ReservationBody"] }) {
  return (
    <KeyForm
      description=""
      expiry=""
      rules={[]}
      clientId={reserved.client_id}
      save={(body) =>
        good(api.POST("/v1/api-keys", { body: { ...body, reservation: reserved.reservation } }))
      }
    >
      <Secrets clientSecret={reserved.client_secret} apiKey={reserved.api_key} isSaved={false} />
    </KeyForm>
  );
}

export function EditKey() {
  const { keyId } = useParams({ from: "/app/remote-access/$keyId" });
  const key = useQuery(keyQuery(keyId));
  return (
    <Page title="Edit API Key" crumbs={CRUMBS}>
      <Answer query={key}>{(found) => <EditKeyForm found={found} />}</Answer>
    </Page>
  );
}

function EditKeyForm({ found }: { found: Key }) {
  return (
    <KeyForm
      description={found.description}
      expiry={lastDay(found.expires_at)}
      rules={found.firewall_rules}
      clientId={found.client_id}
      save={(body) => {
        // An expiry that was not touched stays to the second, and may lie in the past.
        const isSame = body.expires_at === lastDay(found.expires_at);
        return good(
          api.PUT("/v1/api-keys/{id}", {
            params: { path: { id: found.id } },
            body: { ...body, expires_at: isSame ? found.expires_at : body.expires_at },
          }),
        );
      }}
    >
      <Rotate found={found} />
    </KeyForm>
  );
}

interface KeyBody {
  description: string;
  expires_at: string;
  firewall_rules: Schemas["RuleInput"][];
}

function KeyForm(given: {
  description: string;
  expiry: string;
  rules: Schemas["RuleBody"][];
  clientId: string;
  save: (body: KeyBody) => Promise<unknown>;
  children: ReactNode;
}) {
  const navigate = useNavigate();
  const [tab, setTab] = useState<string | null>("key");
  const [description, setDescription] = useState(given.description);
  const [expiry, setExpiry] = useState(given.expiry);
  const [rules, setRules] = useState(() => draftsOf(given.rules));
  const [isTried, setIsTried] = useState(false);
  const [today] = useState(() => new Date().toISOString().slice(0, 10));
  const faults = {
    description: description.trim() === "" ? "Say how this key will be used" : null,
    expiry: expiry === "" ? "Choose a date" : null,
    rules: rules.some((rule) => Object.keys(faultsOf(rule, rules)).length > 0),
  };
  const save = useMutation({
    mutationFn: () =>
      given.save({ description, expires_at: expiry, firewall_rules: rulesOf(rules) }),
    onSuccess: async () => {
      toast(`Saved ${description}`);
      await refresh(["api-keys"]);
      await navigate({ to: "/remote-access" });
    },
  });
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    setIsTried(true);
    if (faults.description !== null || faults.expiry !== null) setTab("key");
    else if (faults.rules) setTab("networking");
    else save.mutate();
  };
  return (
    <form onSubmit={submit} noValidate>
      <div className="panel">
        <Tabs value={tab} onChange={setTab}>
          <Tabs.List>
            <Tabs.Tab value="key">API Key</Tabs.Tab>
            <Tabs.Tab value="networking">Networking</Tabs.Tab>
          </Tabs.List>
          <Tabs.Panel value="key">
            <Stack p="md" maw={680}>
              <TextInput
                label="Description"
                description="Where and how this key will be used"
                required
                maxLength={500}
                value={description}
                error={isTried ? faults.description : null}
                onChange={(event) => setDescription(event.currentTarget.value)}
              />
              <TextInput
                type="date"
                label="Expiry date"
                description="The key works until the end of this day (UTC), and not after it"
                required
                min={given.expiry === "" ? today : undefined}
                w={220}
                value={expiry}
                error={isTried ? faults.expiry : null}
                onChange={(event) => setExpiry(event.currentTarget.value)}
              />
              <Secret label="Client ID" text={given.clientId} />
              {given.children}
            </Stack>
          </Tabs.Panel>
          <Tabs.Panel value="networking">
            <Networking rules={rules} onChange={setRules} showFaults={isTried} />
          </Tabs.Panel>
        </Tabs>
        {save.error !== null && (
          <div className="inside">
            <Fault error={save.error} />
          </div>
        )}
        <div className="foot">
          <LinkButton to="/remote-access" variant="default">
            Cancel
          </LinkButton>
          <Button type="submit" loading={save.isPending}>
            Save
          </Button>
        </div>
      </div>
    </form>
  );
}

function Secret({ label, text }: { label: string; text: string }) {
  return (
    <div className="secret">
      <TextInput
        label={label}
        readOnly
        value={text}
        styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }}
        onFocus={(event) => event.currentTarget.select()}
      />
      <CopyButton text={text} what={label} />
    </div>
  );
}

function Secrets({
  clientSecret,
  apiKey,
  isSaved,
}: {
  clientSecret: string;
  apiKey: string;
  isSaved: boolean;
}) {
  return (
    <>
      <Secret label="Client Secret" text={clientSecret} />
      <Secret label="API Key for the header X-Api-Key" text={apiKey} />
      <p className="crumbs" style={{ margin: 0 }}>
        Copy them now: they are shown this once, and stored nowhere but as a fingerprint.
        {!isSaved && " They work as soon as the key is saved and has a role."}
      </p>
    </>
  );
}

function Rotate({ found }: { found: Key }) {
  const [isAsking, setIsAsking] = useState(false);
  const [keepsOld, setKeepsOld] = useState(true);
  const rotate = useMutation({
    mutationFn: () =>
      good(
        api.POST("/v1/api-keys/{id}/rotate", {
          params: { path: { id: found.id } },
          body: { overlap_seconds: keepsOld ? 86_400 : 0 },
        }),
      ),
    onSuccess: () => {
      setIsAsking(false);
    },
  });
  return (
    <>
      {rotate.data === undefined ? (
        <div>
          <p className="crumbs">The Client Secret was shown when the key was made. A new one replaces it.</p>
          <Button variant="default" onClick={() => setIsAsking(true)}>
            New Client Secret
          </Button>
        </div>
      ) : (
        <Secrets clientSecret={rotate.data.client_secret} apiKey={rotate.data.api_key} isSaved />
      )}
      <Modal opened={isAsking} onClose={() => setIsAsking(false)} title="Make a new Client Secret?">
        <Stack>
          {rotate.error !== null && <Fault error={rotate.error} />}
          <Checkbox
            label="The old one goes on working for a day"
            checked={keepsOld}
            onChange={(event) => setKeepsOld(event.currentTarget.checked)}
          />
          <Group justify="flex-end">
            <Button variant="default" onClick={() => setIsAsking(false)}>
              Cancel
            </Button>
            <Button loading={rotate.isPending} onClick={() => rotate.mutate()}>
              Make a new one
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}
