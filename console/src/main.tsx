import "@mantine/core/styles.css";
import "./app.css";
import { MantineProvider } from "@mantine/core";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { queryClient } from "./api/queries";
import { router } from "./router";
import { onSessionEnd } from "./session/tokens";
import { theme, variables } from "./ui/theme";
import { Toasts } from "./ui/toasts";

const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? "";
// The library that locks scrolling behind dialogs writes a style sheet and looks for the nonce here.
(window as unknown as { __webpack_nonce__: string }).__webpack_nonce__ = nonce;

onSessionEnd((byHand) => {
  const { pathname, href } = router.state.location;
  if (pathname === "/login") return;
  const search = byHand ? {} : { next: href, ended: true };
  void router.navigate({ to: "/login", search }).then(() => queryClient.clear());
});

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <MantineProvider
      theme={theme}
      cssVariablesResolver={variables}
      defaultColorScheme="auto"
      getStyleNonce={() => nonce}
    >
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router} />
        <Toasts />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
