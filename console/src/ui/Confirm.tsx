import { Button, Group, Modal, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Fault } from "./parts";

/** Asks before what cannot be undone. */
export function Confirm({
  opened,
  title,
  action,
  onConfirm,
  onClose,
  children,
}: {
  opened: boolean;
  title: string;
  action: string;
  onConfirm: () => Promise<unknown>;
  onClose: () => void;
  children: ReactNode;
}) {
  const work = useMutation({ mutationFn: onConfirm, onSuccess: onClose });
  const close = () => {
    work.reset();
    onClose();
  };
  return (
    <Modal opened={opened} onClose={close} title={title}>
      <Text component="div" mb="md" className="mantine-wrap">
        {children}
      </Text>
      {work.error !== null && <Fault error={work.error} />}
      <Group justify="flex-end" mt="md">
        <Button variant="default" onClick={close} data-autofocus>
          Cancel
        </Button>
        <Button color="red.8" loading={work.isPending} onClick={() => work.mutate()}>
          {action}
        </Button>
      </Group>
    </Modal>
  );
}
