import { defineConfig } from "vite";
import { notices } from "./scripts/notices";

// Built into the Python package, so that a checkout without Node serves the page too.
export default defineConfig({
  base: "./", // the page may be mounted below any path
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  plugins: [notices()],
  build: {
    outDir: "../src/psm/server/static",
    emptyOutDir: true,
    target: "es2022",
    sourcemap: false,
    assetsInlineLimit: 0, // plain files: the content security policy stays simple
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1200, // MapLibre alone; scripts/budget.mjs holds the real limit
  },
  test: { include: ["tests/**/*.test.ts"] },
} as Parameters<typeof defineConfig>[0]);
