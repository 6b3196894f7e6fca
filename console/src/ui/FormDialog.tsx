import { Button, Group, Modal, Stack, type ModalProps } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import type { ReactNode, SyntheticEvent } from "react";
import { Fault } from "./parts";

/** A dialog with a form: says what went wrong, and closes when it is saved. */
export function FormDialog({
  title,
  action = "Save",
  isBlocked = false,
  size,
  onSave,
  onClose,
  children,
}: {
  title: string;
  action?: string;
  /** Whether something in it cannot be sent as it is. */
  isBlocked?: boolean;
  size?: ModalProps["size"];
  onSave: () => Promise<unknown>;
  onClose: () => void;
  children: ReactNode;
}) {
  const save = useMutation({ mutationFn: onSave, onSuccess: onClose });
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    if (!isBlocked) save.mutate();
  };
  return (
    <Modal opened onClose={onClose} title={title} size={size}>
      <form onSubmit={submit}>
        <Stack>
          {save.error !== null && <Fault error={save.error} />}
          {children}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={save.isPending} disabled={isBlocked}>
              {action}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
