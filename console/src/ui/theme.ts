import {
  createTheme,
  type CSSVariablesResolver,
  type MantineColorsTuple,
} from "@mantine/core";

const ink: MantineColorsTuple = [
  "#eef5fb",
  "#d9e8f4",
  "#b0d0e8",
  "#83b6dc",
  "#5b9dcf",
  "#3a86bf",
  "#2973ab",
  "#1f5f8b",
  "#194d71",
  "#123a56",
];

/** Greys of the dark colours, a little blue like the rest. */
const dark: MantineColorsTuple = [
  "#dbe2e8",
  "#b9c3cd",
  "#9aa7b3",
  "#6d7a86",
  "#38424d",
  "#2b343e",
  "#1d232a",
  "#1a2027",
  "#14181d",
  "#0f1317",
];

export const theme = createTheme({
  colors: { ink, dark },
  primaryColor: "ink",
  primaryShade: { light: 7, dark: 6 },
  defaultRadius: "md",
  fontFamily: "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif",
  fontFamilyMonospace: "ui-monospace, 'SFMono-Regular', Menlo, Consolas, monospace",
  headings: { fontWeight: "600", sizes: { h1: { fontSize: "1.375rem" }, h2: { fontSize: "1rem" } } },
  cursorType: "pointer",
  components: {
    Modal: {
      defaultProps: {
        centered: true,
        closeButtonProps: { "aria-label": "Close" },
        // The page has one header; that of a dialog is none to a screen reader.
        attributes: { header: { role: "presentation" } },
      },
    },
    Tooltip: { defaultProps: { openDelay: 300 } },
    Table: { defaultProps: { verticalSpacing: 7, horizontalSpacing: "sm" } },
  },
});

/** Greys that can be read: the library's own are too faint for small text. */
export const variables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--mantine-color-dimmed": "#52606d",
    "--mantine-color-placeholder": "#66717c",
    "--mantine-color-error": "#b42318",
    "--mantine-color-body": "#ffffff",
    "--mantine-color-anchor": "#1b5a86",
  },
  dark: {
    "--mantine-color-body": "#14181d",
    "--mantine-color-text": "#dbe2e8",
    "--mantine-color-dimmed": "#9aa7b3",
    "--mantine-color-placeholder": "#8d99a5",
    "--mantine-color-error": "#ff9a8f",
    "--mantine-color-anchor": "#7fbce6",
    "--mantine-color-default": "#1d232a",
    "--mantine-color-default-hover": "#262e37",
    "--mantine-color-default-border": "#38424d",
  },
});
