/** Addresses and the pages behind them. Pages are loaded when they are first gone to. */

import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
  retainSearchParams,
} from "@tanstack/react-router";
import type { QueryClient } from "@tanstack/react-query";
import { meQuery, queryClient } from "./api/queries";
import { ApiError } from "./api/client";
import { readTokens } from "./session/tokens";
import { Shell } from "./shell/Shell";
import { Empty, Fault, Page, TextLink, Waiting } from "./ui/parts";
import { Login } from "./pages/Login";

type Search = Record<string, unknown>;

const text = (value: unknown) =>
  typeof value === "string" && value !== ""
    ? value
    : typeof value === "number"
      ? String(value)
      : undefined;
const number = (value: unknown) => {
  const found = Number(value);
  return Number.isInteger(found) && found > 0 ? found : undefined;
};

const texts = (value: unknown) => {
  const found = Array.isArray(value) ? value.map(text).filter((each) => each !== undefined) : [];
  return found.length > 0 ? found : undefined;
};

const root = createRootRouteWithContext<{ queryClient: QueryClient }>()({
  component: Outlet,
  errorComponent: ({ error, reset }) => (
    <div className="page">
      <Fault error={error} retry={reset} />
    </div>
  ),
});

const login = createRoute({
  getParentRoute: () => root,
  path: "/login",
  validateSearch: (search: Search): { next?: string; ended?: boolean } => ({
    next: text(search.next),
    ended: search.ended === true ? true : undefined,
  }),
  component: Login,
});

const invitation = createRoute({
  getParentRoute: () => root,
  path: "/invitation",
  component: lazyRouteComponent(() => import("./pages/Invitation"), "Invitation"),
});

const app = createRoute({
  getParentRoute: () => root,
  id: "app",
  validateSearch: (search: Search): { project?: string } => ({ project: text(search.project) }),
  search: { middlewares: [retainSearchParams(["project"])] },
  beforeLoad: async ({ location }) => {
    if ((await readTokens()) === null) {
      throw redirect({ to: "/login", search: { next: location.href } });
    }
  },
  loader: async ({ context, location }) => {
    try {
      await context.queryClient.query({ ...meQuery, staleTime: "static" });
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) {
        throw redirect({ to: "/login", search: { next: location.href, ended: true } });
      }
      throw error;
    }
  },
  component: Shell,
});

function NotFound() {
  return (
    <Page title="There is no such page">
      <div className="panel">
        <Empty title="Nothing is at this address" action={<TextLink to="/">Go to Home</TextLink>}>
          The link may be old, or mistyped. Ctrl K finds pages and jobs by name.
        </Empty>
      </div>
    </Page>
  );
}

const page = <Path extends string>(path: Path) => ({ getParentRoute: () => app, path });
/** What lists keep in their address. */
const listSearch = (
  search: Search,
): { page?: number; size?: number; filter?: string; state?: string } => ({
  page: number(search.page),
  size: number(search.size),
  filter: text(search.filter),
  state: text(search.state),
});

const home = createRoute({
  ...page("/"),
  component: lazyRouteComponent(() => import("./pages/Home"), "Home"),
});
const jobs = createRoute({
  ...page("/jobs"),
  validateSearch: listSearch,
  component: lazyRouteComponent(() => import("./pages/Jobs"), "Jobs"),
});
const newJob = createRoute({
  ...page("/jobs/new"),
  component: lazyRouteComponent(() => import("./pages/NewJob"), "NewJob"),
});
const job = createRoute({
  ...page("/jobs/$jobId"),
  validateSearch: (search: Search): { tab?: string; page?: number } => ({ tab: text(search.tab), page: number(search.page) }),
  component: lazyRouteComponent(() => import("./pages/JobPage"), "JobPage"),
});
const runs = createRoute({
  ...page("/runs"),
  validateSearch: listSearch,
  component: lazyRouteComponent(() => import("./pages/Runs"), "Runs"),
});
const run = createRoute({
  ...page("/runs/$runId"),
  component: lazyRouteComponent(() => import("./pages/RunPage"), "RunPage"),
});
const executions = createRoute({
  ...page("/executions"),
  validateSearch: (search: Search): { workflow?: string; state?: string; after?: string } => ({
    workflow: text(search.workflow),
    state: text(search.state),
    after: text(search.after),
  }),
  component: lazyRouteComponent(() => import("./pages/Executions"), "Executions"),
});
const execution = createRoute({
  ...page("/executions/$executionId"),
  validateSearch: (search: Search): { tab?: string; step?: string } => ({
    tab: text(search.tab),
    step: text(search.step),
  }),
  component: lazyRouteComponent(() => import("./pages/ExecutionPage"), "ExecutionPage"),
});
const schedules = createRoute({
  ...page("/schedules"),
  validateSearch: (search: Search): ReturnType<typeof listSearch> & { tags?: string[] } => ({
    ...listSearch(search),
    tags: texts(search.tags),
  }),
  component: lazyRouteComponent(() => import("./pages/Schedules"), "Schedules"),
});
const newSchedule = createRoute({
  ...page("/schedules/new"),
  validateSearch: (search: Search): { job?: string } => ({ job: text(search.job) }),
  component: lazyRouteComponent(() => import("./pages/ScheduleEdit"), "NewSchedule"),
});
const schedule = createRoute({
  ...page("/schedules/$scheduleId"),
  validateSearch: (
    search: Search,
  ): { tab?: string; page?: number; state?: string; at?: string } => ({
    tab: text(search.tab),
    page: number(search.page),
    state: text(search.state),
    at: text(search.at),
  }),
  component: lazyRouteComponent(() => import("./pages/SchedulePage"), "SchedulePage"),
});
const editSchedule = createRoute({
  ...page("/schedules/$scheduleId/edit"),
  component: lazyRouteComponent(() => import("./pages/ScheduleEdit"), "EditSchedule"),
});
const workflows = createRoute({
  ...page("/workflows"),
  validateSearch: (search: Search): { filter?: string; state?: string } => ({
    filter: text(search.filter),
    state: text(search.state),
  }),
  component: lazyRouteComponent(() => import("./pages/Workflows"), "Workflows"),
});
const newWorkflow = createRoute({
  ...page("/workflows/new"),
  component: lazyRouteComponent(() => import("./pages/NewWorkflow"), "NewWorkflow"),
});
const workflow = createRoute({
  ...page("/workflows/$workflowId"),
  validateSearch: (
    search: Search,
  ): { version?: number; tab?: string; step?: string; from?: number; to?: number } => ({
    version: number(search.version),
    tab: text(search.tab),
    step: text(search.step),
    from: number(search.from),
    to: number(search.to),
  }),
  component: lazyRouteComponent(() => import("./pages/WorkflowPage"), "WorkflowPage"),
});
const editWorkflow = createRoute({
  ...page("/workflows/$workflowId/edit"),
  validateSearch: (search: Search): { version?: number } => ({ version: number(search.version) }),
  component: lazyRouteComponent(() => import("./pages/WorkflowEdit"), "WorkflowEdit"),
});
const calendar = createRoute({
  ...page("/calendar"),
  validateSearch: (search: Search): { span?: string; day?: string } => ({
    span: text(search.span),
    day: text(search.day),
  }),
  component: lazyRouteComponent(() => import("./pages/CalendarPage"), "CalendarPage"),
});
const entities = createRoute({
  ...page("/entities"),
  component: lazyRouteComponent(() => import("./pages/Entities"), "Entities"),
});
const entity = createRoute({
  ...page("/entities/$entityId"),
  validateSearch: listSearch,
  component: lazyRouteComponent(() => import("./pages/EntityPage"), "EntityPage"),
});
const businessCalendars = createRoute({
  ...page("/business-calendars"),
  component: lazyRouteComponent(() => import("./pages/BusinessCalendars"), "BusinessCalendars"),
});
const maintenanceWindows = createRoute({
  ...page("/maintenance-windows"),
  component: lazyRouteComponent(() => import("./pages/MaintenanceWindows"), "MaintenanceWindows"),
});
const AUDIT_FILTERS = ["actor", "action", "target", "outcome", "from", "to"] as const;
const audit = createRoute({
  ...page("/audit"),
  validateSearch: (search: Search): Partial<Record<(typeof AUDIT_FILTERS)[number], string>> =>
    Object.fromEntries(AUDIT_FILTERS.map((name) => [name, text(search[name])])),
  component: lazyRouteComponent(() => import("./pages/Audit"), "Audit"),
});
const keys = createRoute({
  ...page("/remote-access"),
  component: lazyRouteComponent(() => import("./pages/RemoteAccess"), "RemoteAccess"),
});
const newKey = createRoute({
  ...page("/remote-access/new"),
  component: lazyRouteComponent(() => import("./pages/KeyPages"), "NewKey"),
});
const editKey = createRoute({
  ...page("/remote-access/$keyId"),
  component: lazyRouteComponent(() => import("./pages/KeyPages"), "EditKey"),
});
const roleSearch = (search: Search): { role?: string } => ({ role: text(search.role) });
const roles = createRoute({
  ...page("/roles"),
  validateSearch: roleSearch,
  component: lazyRouteComponent(() => import("./pages/Roles"), "ApplicationRoles"),
});
const projects = createRoute({
  ...page("/projects"),
  component: lazyRouteComponent(() => import("./pages/Projects"), "Projects"),
});
const project = createRoute({
  ...page("/projects/$projectId"),
  validateSearch: roleSearch,
  component: lazyRouteComponent(() => import("./pages/Roles"), "ProjectRoles"),
});
const users = createRoute({
  ...page("/users"),
  validateSearch: listSearch,
  component: lazyRouteComponent(() => import("./pages/Users"), "Users"),
});
const account = createRoute({
  ...page("/account"),
  component: lazyRouteComponent(() => import("./pages/Account"), "Account"),
});

const nowhere = createRoute({ ...page("$"), component: NotFound });

export const router = createRouter({
  routeTree: root.addChildren([
    login,
    invitation,
    app.addChildren([
      home,
      jobs,
      newJob,
      job,
      runs,
      run,
      executions,
      execution,
      schedules,
      newSchedule,
      schedule,
      editSchedule,
      workflows,
      newWorkflow,
      workflow,
      editWorkflow,
      calendar,
      entities,
      entity,
      businessCalendars,
      maintenanceWindows,
      audit,
      keys,
      newKey,
      editKey,
      roles,
      projects,
      project,
      users,
      account,
      nowhere,
    ]),
  ]),
  context: { queryClient },
  defaultPreload: "intent",
  defaultPendingComponent: Waiting,
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
