import "./docs.css";
import reference from "../vendor/scalar.js?url";

interface Scalar {
  createApiReference: (element: string, settings: Record<string, unknown>) => unknown;
}

/** The reference is one file of another project, which puts itself into the window. */
function load(): Promise<Scalar> {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = reference;
    script.onload = () => resolve((window as unknown as { Scalar: Scalar }).Scalar);
    script.onerror = () => reject(new Error("The API reference could not be loaded."));
    document.head.append(script);
  });
}

const Scalar = await load();
Scalar.createApiReference("#reference", {
  url: "/openapi.json",
  baseServerURL: location.origin,
  servers: [{ url: location.origin, description: "This server" }],
  theme: "default",
  layout: "modern",
  // Nothing of it may ask another host.
  withDefaultFonts: false,
  telemetry: false,
  showDeveloperTools: "never",
  hideClientButton: true,
  agent: { disabled: true },
  mcp: { disabled: true },
  // What a reader types in as a credential is not kept.
  persistAuth: false,
  defaultHttpClient: { targetKey: "shell", clientKey: "curl" },
  authentication: { preferredSecurityScheme: "bearer" },
});
