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
    // A process a file. Most of them keep one core busy with the JavaScript of references, so a few run side by side; the
    // engine under test uses every core itself, so they are no more.
    pool: "forks",
    maxWorkers: Math.min(availableParallelism(), 4),
    testTimeout: 60_000,
    hookTimeout: 60_000,
    coverage: { include: ["src/ts/**"], exclude: ["src/ts/**/*.d.ts"] },
  },
});
