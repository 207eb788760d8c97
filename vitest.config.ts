import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

// The processes that run the tests may be of another machine's Node (scripts/emulator.mjs); the rest stays on this one.
process.execPath = process.env["NABLA_TEST_NODE"] || process.execPath;

export default defineConfig({
  // The tests run against the TypeScript sources; examples/ import the package by its name.
  resolve: { alias: { nabla: fileURLToPath(new URL("src/ts/index.ts", import.meta.url)) } },
  test: {
    include: ["test/**/*.test.ts"],
    typecheck: { enabled: true, include: ["test/**/*.test-d.ts"], tsconfig: "tsconfig.json" },
    // A process a file. Most keep one core busy with the JavaScript of references, so a few run side by side; not one for
    // each of many cores, as every process has an engine with a thread a core.
    pool: "forks",
    maxWorkers: Math.min(availableParallelism(), 4),
    testTimeout: 60_000,
    hookTimeout: 60_000,
    coverage: { include: ["src/ts/**"], exclude: ["src/ts/**/*.d.ts"] },
  },
});
