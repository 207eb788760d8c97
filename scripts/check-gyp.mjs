// `npm run check:gyp`: builds a copy of this checkout as on a machine without CMake, where `npm run build` takes node-gyp,
// and runs op tests on the addon that came out. It compiles everything again, so it is a command of its own.
import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { closingLine, execute, output, root, run } from "./lib.mjs";
import { setup } from "./setup.mjs";
import { vitest } from "./vitest.mjs";

/** What the other machine lacks, so that it can neither use nor install CMake. */
const MISSING = ["cmake", "apt-get"];
const TESTS = ["test/tiny.test.ts", "test/ops/matmul.test.ts", "test/ops/unary.test.ts"];

await run(() => {
  setup({ native: false });
  const work = mkdtempSync(join(tmpdir(), "nabla-gyp-"));
  try {
    closingLine(check(work));
  } finally {
    rmSync(work, { recursive: true });
  }
});

function check(work) {
  const checkout = join(work, "nabla");
  for (const file of output("git", ["ls-files", "-z"]).split("\0").filter(Boolean)) {
    mkdirSync(dirname(join(checkout, file)), { recursive: true });
    cpSync(join(root, file), join(checkout, file));
  }
  symlinkSync(join(root, "node_modules"), join(checkout, "node_modules"));
  const env = { ...process.env, PATH: pathWithout(MISSING, join(work, "bin")) };
  execute(process.execPath, ["scripts/setup.mjs"], { cwd: checkout, env });

  const report = JSON.parse(output(process.execPath, ["dist/cli/main.js", "info", "--json"], { cwd: checkout, env }));
  const { path, origin, needs } = report.addon;
  assert.equal(path, join(checkout, "build/Release/nabla.node"));
  assert.equal(origin, "local build");
  console.log(`node-gyp's addon: ${report.isa.chosen}, needs glibc ${needs.glibc} and GLIBCXX ${needs.glibcxx}`);
  return vitest("op tests with node-gyp's addon", [...TESTS, "--typecheck.enabled=false"], { NABLA_ADDON: path });
}

/** A folder with links to all programs on the PATH but these, as the whole PATH. */
function pathWithout(names, folder) {
  mkdirSync(folder);
  const seen = new Set(names);
  for (const place of process.env.PATH.split(delimiter)) {
    for (const name of programs(place).filter((each) => !seen.has(each))) {
      seen.add(name);
      symlinkSync(join(place, name), join(folder, name));
    }
  }
  return folder;
}

function programs(folder) {
  try {
    return readdirSync(folder);
  } catch {
    return []; // A PATH may name folders that are not there.
  }
}
