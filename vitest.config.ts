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
    // A process a file, one at a time: the engine under test uses every core itself.
    pool: "forks",
    maxWorkers: 1,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    coverage: { include: ["src/ts/**"], exclude: ["src/ts/**/*.d.ts"] },
  },
});
