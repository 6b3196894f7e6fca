import { ActionIcon, Button, Group, Modal, Stack, Textarea, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Plus, X } from "lucide-react";
import { useRef, useState, type SyntheticEvent } from "react";
import { api, good, idempotencyKey } from "../api/client";
import { type Job } from "../api/queries";
import { refresh } from "../api/refresh";
import { Fault } from "../ui/parts";
import { parseObject } from "../ui/words";

interface Row {
  id: number;
  name: string;
  value: string;
}

/** Starts a run, with an input and macros of its own. */
export function RunDialog({ job, onClose }: { job: Job; onClose: () => void }) {
  const navigate = useNavigate();
  const [input, setInput] = useState("");
  const [rows, setRows] = useState<Row[]>([]);
  const nextRow = useRef(1);
  // One key for the dialog: whatever is pressed twice starts one run.
  const [key, setKey] = useState(idempotencyKey);
  const fault = faultOf(input);
  const start = useMutation({
    mutationFn: () =>
      good(
        api.POST("/api/jobconfigs/{id}/jobs", {
          params: { path: { id: job.id }, header: { "idempotency-key": key } },
          body: {
            input: parseObject(input),
            macros: rows.filter((row) => row.name !== "").map(({ name, value }) => ({ name, value })),
          },
        }),
      ),
    onSuccess: async (run) => {
      void refresh(["runs"]);
      await navigate({ to: "/runs/$runId", params: { runId: run.id } });
    },
    // What is changed and sent again is another request.
    onError: () => setKey(idempotencyKey()),
  });
  const change = (id: number, part: Partial<Row>) =>
    setRows(rows.map((row) => (row.id === id ? { ...row, ...part } : row)));
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    if (fault === null) start.mutate();
  };
  return (
    <Modal opened onClose={onClose} title={`Run ${job.name}`} size="lg">
      <form onSubmit={submit}>
        <Stack>
          {start.error !== null && <Fault error={start.error} />}
          <Textarea
            label="Input"
            description="A JSON object: the function gets the arguments it asks for"
            placeholder='{"country": "NZ"}'
            autosize
            minRows={4}
            maxRows={16}
            spellCheck={false}
            data-autofocus
            error={fault}
            styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }}
            value={input}
            onChange={(event) => setInput(event.currentTarget.value)}
          />
          {rows.map((row, index) => (
            <Group key={row.id} wrap="nowrap" gap="xs">
              <TextInput
                aria-label={`Name of macro ${index + 1}`}
                placeholder="NAME"
                value={row.name}
                onChange={(event) => change(row.id, { name: event.currentTarget.value })}
              />
              <TextInput
                aria-label={`Value of macro ${index + 1}`}
                placeholder="Value"
                style={{ flex: 1 }}
                value={row.value}
                onChange={(event) => change(row.id, { value: event.currentTarget.value })}
              />
              <ActionIcon
                variant="default"
                size={36}
                aria-label={`Remove macro ${index + 1}`}
                onClick={() => setRows(rows.filter((each) => each.id !== row.id))}
              >
                <X size={16} />
              </ActionIcon>
            </Group>
          ))}
          <Group justify="space-between">
            <Button
              variant="subtle"
              size="xs"
              leftSection={<Plus size={15} />}
              onClick={() => setRows([...rows, { id: nextRow.current++, name: "", value: "" }])}
            >
              Macro for this run
            </Button>
            <Group gap="xs">
              <Button variant="default" onClick={onClose}>
                Cancel
              </Button>
              <Button type="submit" loading={start.isPending} disabled={fault !== null}>
                Start run
              </Button>
            </Group>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

function faultOf(text: string): string | null {
  try {
    parseObject(text);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
