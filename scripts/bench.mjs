// `npm run bench`: builds nabla, installs the competitors once (bench/ has its own packages), and runs the benchmarks.
// Arguments go to bench's own command line; files are named from the root.
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Failure, attempt, bin, execute, root, run } from "./lib.mjs";
import { setup } from "./setup.mjs";

await run(() => {
  const args = process.argv.slice(2);
  const asked = args.join(" ");
  const measures = !/--(compare|markdown|list|help)\b/.test(asked);
  setup({ native: measures });
  const cwd = join(root, "bench");
  if (!existsSync(join(cwd, "node_modules"))) execute("npm", ["ci", "--ignore-scripts"], { cwd });
  const competitors = /--competitors[= ](\S+)/.exec(asked)?.[1] ?? "pytorch";
  if (
    measures &&
    competitors.includes("pytorch") &&
    !existsSync(join(cwd, ".venv")) &&
    attempt("sh", ["setup-venv.sh"], { cwd }) !== 0
  ) {
    rmSync(join(cwd, ".venv"), { recursive: true, force: true });
    throw new Failure("PyTorch could not be installed. To run without it: --competitors nabla,onnxruntime,tfjs");
  }
  execute(...bin("typescript", "tsc", ["-p", "bench/tsconfig.json"]));
  const status = attempt(process.execPath, ["bench/dist/harness/main.js", ...args]);
  // The page is written with tables as they come.
  const page = /--markdown[= ](\S+)/.exec(asked)?.[1] ?? (/--record\b/.test(asked) ? "docs/benchmarks.md" : undefined);
  if (page) execute(...bin("prettier", "prettier", ["--write", "--log-level", "warn", page]));
  process.exitCode = status;
});
