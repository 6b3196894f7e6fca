import { MultiSelect, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Search } from "lucide-react";
import { useState } from "react";
import { runsQuery } from "../api/queries";
import { Pager } from "../ui/Pager";
import { Answer, Empty, Page } from "../ui/parts";
import { RunTable } from "../ui/RunTable";
import { stateText } from "../ui/words";

const STATES = [
  "QUEUED",
  "WAITING",
  "INITIALIZING",
  "RUNNING",
  "FINISHED",
  "ERROR",
  "FAILED",
  "CANCELLED",
];

export function Runs() {
  const search = useSearch({ from: "/app/runs" });
  const navigate = useNavigate({ from: "/runs" });
  const [text, setText] = useState(search.filter ?? "");
  const states = search.state?.split(",").filter((state) => STATES.includes(state)) ?? [];
  const look = useDebouncedCallback(
    (filter: string) =>
      void navigate({
        search: (old) => ({ ...old, filter: filter || undefined, page: undefined }),
        replace: true,
      }),
    250,
  );
  const runs = useQuery(
    runsQuery({
      offset: (search.page ?? 1) - 1,
      size: search.size ?? 25,
      state: states.length > 0 ? states : undefined,
      filter: search.filter,
      project: search.project,
    }),
  );
  const isFiltered = states.length > 0 || search.filter !== undefined;
  return (
    <Page title="Runs">
      <section className="panel" aria-label="Runs">
        <header>
          <TextInput
            aria-label="Search runs by the name of their job"
            placeholder="Name of the job"
            leftSection={<Search size={15} aria-hidden />}
            value={text}
            onChange={(event) => {
              setText(event.currentTarget.value);
              look(event.currentTarget.value);
            }}
            style={{ flex: "0 1 260px" }}
          />
          <MultiSelect
            aria-label="States"
            placeholder={states.length === 0 ? "All states" : undefined}
            data={STATES.map((state) => ({ value: state, label: stateText(state) }))}
            value={states}
            clearable
            clearButtonProps={{ "aria-label": "All states" }}
            onChange={(chosen) =>
              void navigate({
                search: (old) => ({ ...old, state: chosen.join(",") || undefined, page: undefined }),
              })
            }
            style={{ flex: "0 1 420px" }}
          />
        </header>
        <Answer query={runs}>
          {(page) =>
            page.items.length === 0 && page.pageNumber === 0 ? (
              isFiltered ? (
                <Empty title="No run is like this">Take a state or a letter away to see more.</Empty>
              ) : (
                <Empty title="Nothing has run yet" action={<Link to="/jobs">Go to Jobs</Link>}>
                  Open a job and press Run, or start it through the API. Every run is listed here, with
                  its log and what it left.
                </Empty>
              )
            ) : (
              <>
                <RunTable runs={page.items} withJob />
                <Pager
                  page={page}
                  onPage={(to) => void navigate({ search: (old) => ({ ...old, page: to + 1 }) })}
                  onSize={(size) =>
                    void navigate({ search: (old) => ({ ...old, size, page: undefined }) })
                  }
                />
              </>
            )
          }
        </Answer>
      </section>
    </Page>
  );
}
