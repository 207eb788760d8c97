// `npm run bench`: builds nabla, installs the competitors once (bench/ has its own packages), and runs the benchmarks.
// Arguments go to bench's own command line.
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Failure, attempt, execute, root, run } from "./lib.mjs";
import { setup } from "./setup.mjs";

await run(() => {
  const args = process.argv.slice(2);
  setup();
  const cwd = join(root, "bench");
  if (!existsSync(join(cwd, "node_modules"))) execute("npm", ["ci", "--ignore-scripts"], { cwd });
  const competitors = /--competitors[= ](\S+)/.exec(args.join(" "))?.[1] ?? "pytorch";
  if (
    competitors.includes("pytorch") &&
    !existsSync(join(cwd, ".venv")) &&
    attempt("sh", ["setup-venv.sh"], { cwd }) !== 0
  ) {
    rmSync(join(cwd, ".venv"), { recursive: true, force: true });
    throw new Failure("PyTorch could not be installed. To run without it: --competitors nabla,onnxruntime,tfjs");
  }
  execute("npm", ["start", "--", ...args], { cwd });
});
