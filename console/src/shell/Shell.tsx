import {
  ActionIcon,
  AppShell,
  Burger,
  Button,
  Menu,
  Select,
  Tooltip,
  UnstyledButton,
  useComputedColorScheme,
  useMantineColorScheme,
} from "@mantine/core";
import { useDisclosure, useHotkeys } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useLocation, useNavigate, useRouterState, useSearch } from "@tanstack/react-router";
import { ChevronDown, LogOut, Moon, Search, Sun } from "lucide-react";
import { useEffect, useRef } from "react";
import { may } from "../api/rights";
import { productQuery, projectsQuery, useMe } from "../api/queries";
import { logOut } from "../session/session";
import { toastError } from "../ui/toasts";
import { destinationsFor, type Destination } from "./navigation";
import { Palette } from "./Palette";

export function Shell() {
  const me = useMe();
  const [menuOpen, menu] = useDisclosure(false);
  const [paletteOpen, palette] = useDisclosure(false);
  const path = useLocation({ select: (location) => location.pathname });
  // The address runs ahead of the page while its code and data are fetched: this one does not.
  const shown = useRouterState({ select: (state) => state.resolvedLocation?.href });
  const main = useRef<HTMLElement>(null);
  const isFirst = useRef(true);
  useHotkeys([["mod+K", palette.toggle]], []);
  useEffect(() => {
    menu.close();
    // A screen reader goes on where the new page begins.
    if (!isFirst.current) main.current?.focus({ preventScroll: true });
    isFirst.current = false;
    // eslint-disable-next-line react-hooks/exhaustive-deps -- only a new page matters
  }, [path]);
  return (
    <AppShell
      header={{ height: 52 }}
      navbar={{ width: 220, breakpoint: "sm", collapsed: { mobile: !menuOpen } }}
      layout="default"
    >
      <a className="skip" href="#main">
        Skip to the page
      </a>
      <AppShell.Header>
        <div className="bar">
          <Burger
            opened={menuOpen}
            onClick={menu.toggle}
            hiddenFrom="sm"
            size="sm"
            aria-label={menuOpen ? "Close the navigation" : "Open the navigation"}
          />
          <Link to="/" className="brand">
            <img src="/favicon.svg" width={22} height={22} alt="" />
            <span className="wide-only">Treadle</span>
            <span className="visually-hidden">, home</span>
          </Link>
          <ProjectChoice />
          <span className="spring" />
          <Button
            variant="default"
            size="xs"
            className="wide-only"
            leftSection={<Search size={14} />}
            rightSection={<kbd className="mono">Ctrl K</kbd>}
            onClick={palette.open}
          >
            Go to
          </Button>
          <ActionIcon
            variant="default"
            hiddenFrom="sm"
            size={32}
            aria-label="Go to"
            onClick={palette.open}
          >
            <Search size={16} />
          </ActionIcon>
          <SchemeSwitch />
          <PersonMenu />
        </div>
      </AppShell.Header>
      <AppShell.Navbar p="xs">
        <nav aria-label="Main">
          {destinationsFor(me, "sidebar").map((each) => (
            <NavLink key={each.label} destination={each} />
          ))}
        </nav>
        <span className="spring" />
        <Version tenant={me.tenant.name} />
      </AppShell.Navbar>
      <AppShell.Main id="main" data-shown={shown} tabIndex={-1} ref={main} style={{ outline: "none" }}>
        <Outlet />
      </AppShell.Main>
      <Palette opened={paletteOpen} onClose={palette.close} />
    </AppShell>
  );
}

function NavLink({ destination }: { destination: Destination }) {
  const Icon = destination.icon;
  const content = (
    <>
      <Icon size={17} aria-hidden />
      {destination.label}
    </>
  );
  if (destination.href !== undefined) {
    return (
      <a className="nav-link" href={destination.href}>
        {content}
      </a>
    );
  }
  return (
    <Link
      className="nav-link"
      to={destination.to}
      activeOptions={{ exact: destination.to === "/", includeSearch: false }}
    >
      {content}
    </Link>
  );
}

/** Bounds lists to one project; it stands in the address, so that a link says the same. */
function ProjectChoice() {
  const me = useMe();
  const { project } = useSearch({ from: "/app" });
  const navigate = useNavigate();
  const projects = useQuery({ ...projectsQuery, enabled: may(me, "project_read") });
  if (projects.data === undefined || projects.data.length === 0) return null;
  return (
    <Select
      size="xs"
      w={170}
      aria-label="Project"
      placeholder="All projects"
      searchable
      clearable
      clearButtonProps={{ "aria-label": "All projects" }}
      nothingFoundMessage="No such project"
      maxDropdownHeight={320}
      data={projects.data.map((each) => ({ value: each.id, label: each.name }))}
      value={project ?? null}
      onChange={(value) =>
        void navigate({ to: ".", search: (old) => ({ ...old, project: value ?? undefined, page: undefined }) })
      }
    />
  );
}

function SchemeSwitch() {
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme("light", { getInitialValueInEffect: false });
  const other = scheme === "light" ? "dark" : "light";
  return (
    <Tooltip label={`Use the ${other} colours`}>
      <ActionIcon
        variant="default"
        size={32}
        aria-label={`Use the ${other} colours`}
        onClick={() => setColorScheme(other)}
      >
        {scheme === "light" ? <Moon size={16} /> : <Sun size={16} />}
      </ActionIcon>
    </Tooltip>
  );
}

function PersonMenu() {
  const me = useMe();
  return (
    <Menu position="bottom-end" width={220} keepMounted={false}>
      <Menu.Target>
        <UnstyledButton className="nav-link" aria-label={`Menu of ${me.name}`}>
          <span className="cell-text" style={{ maxWidth: 130 }}>
            {me.name}
          </span>
          <ChevronDown size={15} aria-hidden />
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        {destinationsFor(me, "menu").map((each) => (
          <Menu.Item
            key={each.label}
            component={Link}
            to={each.to ?? "/"}
            leftSection={<each.icon size={15} aria-hidden />}
          >
            {each.label}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item
          leftSection={<LogOut size={15} aria-hidden />}
          onClick={() => {
            logOut().catch(toastError);
          }}
        >
          Log out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

function Version({ tenant }: { tenant: string }) {
  const product = useQuery(productQuery);
  return (
    <div className="crumbs" style={{ padding: "4px 10px" }}>
      Tenant {tenant}
      {product.data !== undefined && <div>Treadle {product.data.version}</div>}
    </div>
  );
}
