// `npm run bench`: builds nabla, gets the competitors once (bench/ has its own packages), and runs the benchmarks.
// Arguments go to bench's own command line.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { execute, root, run } from "./lib.mjs";
import { setup } from "./setup.mjs";

await run(() => {
  setup();
  const cwd = join(root, "bench");
  if (!existsSync(join(cwd, "node_modules")) || !existsSync(join(cwd, ".venv")))
    execute("npm", ["run", "setup"], { cwd });
  execute("npm", ["start", "--", ...process.argv.slice(2)], { cwd });
});
