import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

const OUT = "../src/treadle/console/dist";
const TREADLE = process.env.TREADLE_URL ?? "http://127.0.0.1:8080";

/** Compresses once, here, what the server would otherwise compress for every caller. */
function precompress(): Plugin {
  return {
    name: "precompress",
    apply: "build",
    closeBundle() {
      for (const name of readdirSync(OUT, { recursive: true, encoding: "utf8" })) {
        if (!/\.(?:js|css|svg)$/.test(name)) continue;
        const path = join(OUT, name);
        const content = readFileSync(path);
        const quality = content.length > 1_000_000 ? 9 : 11;
        const brotli = brotliCompressSync(content, {
          params: { [constants.BROTLI_PARAM_QUALITY]: quality },
        });
        writeFileSync(`${path}.br`, brotli);
        writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }));
      }
    },
  };
}

export default defineConfig({
  plugins: [react(), precompress()],
  // The server puts a fresh nonce in its place in every answer.
  html: { cspNonce: "__CSP_NONCE__" },
  build: {
    outDir: OUT,
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 5000,
    rollupOptions: { input: { index: "index.html", docs: "docs.html" } },
  },
  server: {
    proxy: Object.fromEntries(
      ["/api", "/v1", "/connect", "/health", "/openapi.json"].map((path) => [path, TREADLE]),
    ),
  },
});
