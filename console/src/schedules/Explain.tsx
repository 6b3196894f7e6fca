import { Button, Group, Modal, Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { ChevronLeft, ChevronRight } from "lucide-react";
import type { ReactNode } from "react";
import { Answer, State } from "../ui/parts";
import { zonedText } from "../ui/words";
import { Target, told } from "./Firings";
import { explainQuery, type Schedule } from "./queries";

/** Why a due time ran or did not. */
export function Explain({
  schedule,
  zone,
  at,
  onGo,
  onClose,
}: {
  schedule: Schedule;
  zone: string;
  at: string;
  onGo: (at: string) => void;
  onClose: () => void;
}) {
  const found = useQuery(explainQuery(schedule.id, at));
  return (
    <Modal opened onClose={onClose} title={zonedText(at, zone)} size="lg">
      <Answer query={found}>
        {(explained) => (
          <Stack>
            <div>
              <State state={explained.outcome} /> {explained.reason}
            </div>
            <dl className="facts">
              <dt>Due then</dt>
              <dd>{explained.due ? "Yes" : "No"}</dd>
              {explained.schedule_version !== null && (
                <>
                  <dt>Decided by</dt>
                  <dd>Version {explained.schedule_version}</dd>
                </>
              )}
              {explained.firings.map((firing) => (
                <FiringFact key={firing.id} name={firing.trigger}>
                  <State state={firing.status} /> <Target firing={firing} /> {told(firing)}
                </FiringFact>
              ))}
            </dl>
            <Group justify="space-between">
              <Button
                variant="default"
                size="xs"
                leftSection={<ChevronLeft size={14} />}
                disabled={explained.before === null}
                onClick={() => onGo(explained.before ?? at)}
              >
                The due time before
              </Button>
              <Button
                variant="default"
                size="xs"
                rightSection={<ChevronRight size={14} />}
                disabled={explained.after === null}
                onClick={() => onGo(explained.after ?? at)}
              >
                The due time after
              </Button>
            </Group>
          </Stack>
        )}
      </Answer>
    </Modal>
  );
}

function FiringFact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}
