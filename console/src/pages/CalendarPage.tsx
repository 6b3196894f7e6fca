import { ActionIcon, Button, Group, SegmentedControl } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { ChevronLeft, ChevronRight } from "lucide-react";
import type { ReactNode } from "react";
import { datesOf, daysOf, dayKey, move, parseDay, stretchOf, type Day, type Entry, type Span } from "../schedules/calendarDays";
import { DayList } from "../schedules/DayList";
import { calendarQuery, dayQuery } from "../schedules/queries";
import { useNow } from "../ui/clock";
import { Answer, Page, toneOf } from "../ui/parts";
import { clockText, count, plural, stateText } from "../ui/words";

const SPANS: Span[] = ["month", "week", "day"];
const MOST_IN_CELL = 5;
const WEEKDAY = new Intl.DateTimeFormat("en", { weekday: "short" });
const TITLES: Record<Span, Intl.DateTimeFormat> = {
  month: new Intl.DateTimeFormat("en", { month: "long", year: "numeric" }),
  week: new Intl.DateTimeFormat("en", { day: "numeric", month: "long", year: "numeric" }),
  day: new Intl.DateTimeFormat("en", { weekday: "long", day: "numeric", month: "long", year: "numeric" }),
};

/** What ran and will run, day by day, by the reader's clock. */
export function CalendarPage() {
  const search = useSearch({ from: "/app/calendar" });
  const navigate = useNavigate({ from: "/calendar" });
  const now = useNow();
  const span = SPANS.find((each) => each === search.span) ?? "month";
  const day = parseDay(search.day) ?? parseDay(dayKey(new Date(now))) ?? new Date(now);
  const { from } = stretchOf(span, day);
  const go = (part: { span?: Span; day?: Date }) =>
    void navigate({
      search: (old) => ({
        ...old,
        span: part.span ?? old.span,
        day: part.day === undefined ? old.day : dayKey(part.day),
      }),
    });
  return (
    <Page title="Calendar" crumbs={[{ label: "Schedules", link: { to: "/schedules" } }]}>
      <section className="panel" aria-label="Occurrences">
        <header>
          <h2 aria-live="polite">
            {span === "week" && "Week of "}
            {TITLES[span].format(span === "week" ? from : day)}
          </h2>
          <Group gap="xs">
            <ActionIcon variant="default" size={30} aria-label={`The ${span} before`} onClick={() => go({ day: move(span, day, -1) })}>
              <ChevronLeft size={16} />
            </ActionIcon>
            <Button size="xs" variant="default" onClick={() => go({ day: new Date(now) })}>
              Today
            </Button>
            <ActionIcon variant="default" size={30} aria-label={`The ${span} after`} onClick={() => go({ day: move(span, day, 1) })}>
              <ChevronRight size={16} />
            </ActionIcon>
            <SegmentedControl
              size="xs"
              aria-label="How much is shown"
              data={SPANS.map((each) => ({ value: each, label: stateText(each) }))}
              value={span}
              onChange={(value) => go({ span: value })}
            />
          </Group>
        </header>
        {span === "day" ? (
          <OneDay day={day} project={search.project} />
        ) : (
          <ManyDays span={span} day={day} project={search.project} today={dayKey(new Date(now))} onDay={(date) => go({ span: "day", day: date })} />
        )}
      </section>
    </Page>
  );
}

function OneDay({ day, project }: { day: Date; project?: string }) {
  const { from, to } = stretchOf("day", day);
  const occurrences = useQuery(dayQuery(from.toISOString(), to.toISOString(), project));
  return (
    <Answer query={occurrences}>
      {(found) => (
        <>
          {found.more && <More>More is due than can be shown at once: the earliest {count(found.items.length)} are here.</More>}
          <DayList key={dayKey(day)} occurrences={found.items} />
        </>
      )}
    </Answer>
  );
}

interface ManyDaysProps {
  span: Span;
  day: Date;
  project?: string;
  today: string;
  onDay: (day: Date) => void;
}

function ManyDays({ span, day, project, today, onDay }: ManyDaysProps) {
  const { from, to } = datesOf(span, day);
  const calendar = useQuery(calendarQuery(from, to, project));
  return (
    <Answer query={calendar}>
      {(found) => (
        <>
          {found.more && <More>More is due than could be counted here. A project, or a single day, shows more of it.</More>}
          <Grid days={daysOf(span, day, found.days)} today={today} onDay={onDay} />
        </>
      )}
    </Answer>
  );
}

function More({ children }: { children: ReactNode }) {
  return (
    <p className="crumbs" role="status" style={{ margin: 0, padding: "8px 14px" }}>
      {children}
    </p>
  );
}

function Grid({ days, today, onDay }: { days: Day[]; today: string; onDay: (day: Date) => void }) {
  return (
    <ol className="calendar">
      {days.map((day) => (
        <li
          key={day.key}
          className={[day.isOutside ? "outside" : "", day.key === today ? "today" : "", day.count === 0 ? "nothing" : ""].join(" ")}
        >
          <button
            type="button"
            aria-current={day.key === today ? "date" : undefined}
            onClick={() => onDay(day.date)}
          >
            {WEEKDAY.format(day.date)} {day.date.getDate()}
            <span className="visually-hidden">
              {" "}
              {TITLES.month.format(day.date)}, {plural(day.count, "due time")}
            </span>
          </button>
          <ul>
            {day.entries.slice(0, MOST_IN_CELL).map((entry) => (
              <EntryLine key={entry.schedule} entry={entry} />
            ))}
          </ul>
          {day.schedules > MOST_IN_CELL && (
            <button type="button" className="more" onClick={() => onDay(day.date)}>
              {day.schedules - MOST_IN_CELL} more
            </button>
          )}
        </li>
      ))}
    </ol>
  );
}

function EntryLine({ entry }: { entry: Entry }) {
  const times = entry.count > 1 ? `${count(entry.count)}×` : clockText(entry.at);
  return (
    <li>
      <Link
        to="/schedules/$scheduleId"
        params={{ scheduleId: entry.schedule }}
        className={`entry ${toneOf(entry.status)}`}
        title={`${entry.name}: ${stateText(entry.status)}`}
      >
        <span className="when">{times}</span> {entry.name}
        <span className="visually-hidden">, {stateText(entry.status)}</span>
      </Link>
    </li>
  );
}
