import { Button, Group, Select, Text } from "@mantine/core";
import { ChevronLeft, ChevronRight } from "lucide-react";
import { count } from "./words";

export const PAGE_SIZES = ["25", "50", "100", "200"];

/** Goes through a list that only the server has as a whole. Lists count up to 10,000 rows. */
export function Pager({
  page,
  sizes = PAGE_SIZES,
  onPage,
  onSize,
}: {
  page: { totalRecords: number; size: number; pageNumber: number; items: unknown[]; links: { next?: string | null } };
  sizes?: string[];
  onPage: (page: number) => void;
  onSize: (size: number) => void;
}) {
  const first = page.pageNumber * page.size + 1;
  const last = first + page.items.length - 1;
  const more = page.totalRecords >= 10_000 ? "+" : "";
  return (
    <Group gap="xs" px="sm" py="xs" justify="flex-end">
      <Select
        size="xs"
        w={76}
        aria-label="Rows a page"
        data={sizes}
        value={String(page.size)}
        allowDeselect={false}
        onChange={(value) => onSize(Number(value))}
      />
      <Text size="sm" c="dimmed" role="status">
        {page.items.length === 0
          ? "No rows"
          : `${count(first)}–${count(last)} of ${count(page.totalRecords)}${more}`}
      </Text>
      <Group gap="xs" wrap="nowrap">
        <Button
          size="xs"
          variant="default"
          disabled={page.pageNumber === 0}
          onClick={() => onPage(page.pageNumber - 1)}
          leftSection={<ChevronLeft size={14} />}
        >
          Previous
        </Button>
        <Button
          size="xs"
          variant="default"
          disabled={page.links.next == null}
          onClick={() => onPage(page.pageNumber + 1)}
          rightSection={<ChevronRight size={14} />}
        >
          Next
        </Button>
      </Group>
    </Group>
  );
}
