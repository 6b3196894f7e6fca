/**
 * Where one can go. Sidebar, menu at the top right and command palette are made of this list; a new
 * page is a line here and a route in `router.tsx`.
 */

import type { LinkProps } from "@tanstack/react-router";
import {
  Activity,
  BookOpen,
  Boxes,
  CalendarClock,
  CalendarDays,
  CalendarOff,
  FolderClosed,
  House,
  KeyRound,
  Route,
  ScrollText,
  ShieldCheck,
  Table2,
  UserRound,
  Users,
  Workflow,
  Wrench,
  type LucideIcon,
} from "lucide-react";
import type { Me } from "../api/rights";
import { may } from "../api/rights";

export interface Destination {
  label: string;
  to?: LinkProps["to"];
  /** A page outside of this program. */
  href?: string;
  icon: LucideIcon;
  /** `palette`: found by its name only; a link on another page leads there too. */
  place: "sidebar" | "menu" | "palette";
  /** Words under which the palette finds it too. */
  words: string;
  isFor: (me: Me) => boolean;
}

const everybody = () => true;

export const DESTINATIONS: readonly Destination[] = [
  { label: "Home", to: "/", icon: House, place: "sidebar", words: "overview start", isFor: everybody },
  {
    label: "Jobs",
    to: "/jobs",
    icon: Boxes,
    place: "sidebar",
    words: "packages code definitions",
    isFor: (me) => may(me, "jobs_read"),
  },
  {
    label: "Runs",
    to: "/runs",
    icon: Activity,
    place: "sidebar",
    words: "history failed running",
    isFor: (me) => may(me, "history_read"),
  },
  {
    label: "Schedules",
    to: "/schedules",
    icon: CalendarClock,
    place: "sidebar",
    words: "cron due next times interval pause",
    isFor: (me) => may(me, "schedules_read"),
  },
  {
    label: "Calendar",
    to: "/calendar",
    icon: CalendarDays,
    place: "palette",
    words: "occurrences month week day due upcoming",
    isFor: (me) => may(me, "schedules_read"),
  },
  {
    label: "New schedule",
    to: "/schedules/new",
    icon: CalendarClock,
    place: "palette",
    words: "create add cron",
    isFor: (me) => may(me, "schedules_write"),
  },
  {
    label: "Workflows",
    to: "/workflows",
    icon: Workflow,
    place: "sidebar",
    words: "steps graph definitions versions editor",
    isFor: (me) => may(me, "workflows_read"),
  },
  {
    label: "New workflow",
    to: "/workflows/new",
    icon: Workflow,
    place: "palette",
    words: "create add steps",
    isFor: (me) => may(me, "workflows_write"),
  },
  {
    label: "Executions",
    to: "/executions",
    icon: Route,
    place: "sidebar",
    words: "workflows history waiting answer failed running timeline",
    isFor: (me) => may(me, "history_read"),
  },
  {
    label: "Entities",
    to: "/entities",
    icon: Table2,
    place: "sidebar",
    words: "records data definitions dates import",
    isFor: (me) => may(me, "entities_read"),
  },
  {
    label: "Business calendars",
    to: "/business-calendars",
    icon: CalendarOff,
    place: "sidebar",
    words: "holidays working days weekend",
    isFor: (me) => may(me, "schedules_read"),
  },
  {
    label: "Maintenance",
    to: "/maintenance-windows",
    icon: Wrench,
    place: "sidebar",
    words: "windows freeze skip delay downtime",
    isFor: (me) => may(me, "schedules_read"),
  },
  {
    label: "Projects",
    to: "/projects",
    icon: FolderClosed,
    place: "sidebar",
    words: "members owner contributor manager workspace",
    isFor: (me) => may(me, "project_read") || may(me, "project_create"),
  },
  {
    label: "Remote Access",
    to: "/remote-access",
    icon: KeyRound,
    place: "menu",
    words: "api keys client secret firewall networking",
    isFor: (me) => may(me, "keys_read"),
  },
  {
    label: "Application roles",
    to: "/roles",
    icon: ShieldCheck,
    place: "menu",
    words: "administrator project creator consumer add user members",
    isFor: (me) => may(me, "users_read"),
  },
  {
    label: "Users",
    to: "/users",
    icon: Users,
    place: "menu",
    words: "people accounts password",
    isFor: (me) => may(me, "users_read"),
  },
  {
    label: "Audit log",
    to: "/audit",
    icon: ScrollText,
    place: "menu",
    words: "history refusals changes who did export",
    isFor: (me) => may(me, "audit_read"),
  },
  {
    label: "My account",
    to: "/account",
    icon: UserRound,
    place: "menu",
    words: "password rights who am i",
    isFor: everybody,
  },
  {
    label: "API reference",
    href: "/docs",
    icon: BookOpen,
    place: "sidebar",
    words: "openapi documentation code curl python",
    isFor: everybody,
  },
];

export function destinationsFor(me: Me, place?: Destination["place"]): Destination[] {
  return DESTINATIONS.filter(
    (each) => (place === undefined || each.place === place) && each.isFor(me),
  );
}
