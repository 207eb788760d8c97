// Makes a checkout ready to run, doing only what is out of date: packages, the native addon, dist/ and the examples.
// `--native` and `--ts` limit it to one of the two builds; `--native-tests` adds the native tests.
import { existsSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { spawnSync } from "node:child_process";
import { Failure, attempt, bin, execute, jobs, root, run } from "./lib.mjs";

const buildDir = join(root, "build");

export function setup({ native = true, ts = true, nativeTests = false } = {}) {
  checkNode();
  installPackages();
  if (native) buildNative(nativeTests);
  if (ts) execute(...bin("typescript", "tsc", ["--build", "tsconfig.examples.json"]));
}

function checkNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    throw new Failure(`nabla needs Node 20.19 or newer; this is ${process.version}.`);
  }
}

function installPackages() {
  if (packagesAreInstalled()) return;
  console.log("Installing packages (npm ci) ...");
  // A script of npm may run under npm, which then names its own file; a bare `npm` works everywhere else.
  const npm = process.env.npm_execpath;
  const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
  if (npm?.endsWith(".js")) execute(process.execPath, [npm, ...args]);
  else execute("npm", args, { shell: process.platform === "win32" });
}

/** Whether node_modules holds what package-lock.json asks for (npm keeps its own list of what it installed). */
function packagesAreInstalled() {
  const listed = join(root, "node_modules/.package-lock.json");
  if (!existsSync(listed)) return false;
  const read = (file) => JSON.parse(readFileSync(file, "utf8")).packages;
  const installed = read(listed);
  return Object.entries(read(join(root, "package-lock.json"))).every(
    ([path, { version, optional }]) =>
      path === "" || (optional && !installed[path]) || installed[path]?.version === version,
  );
}

function buildNative(nativeTests) {
  ensureToolchain();
  // A build folder that was copied or moved here points elsewhere; CMake would refuse it.
  const cache = join(buildDir, "CMakeCache.txt");
  if (existsSync(cache)) {
    const home = /^CMAKE_HOME_DIRECTORY:INTERNAL=(.*)$/m.exec(readFileSync(cache, "utf8"))?.[1];
    if (!home || !existsSync(home) || realpathSync(home) !== realpathSync(root)) {
      rmSync(buildDir, { recursive: true });
    }
  }
  if (!existsSync(cache)) console.log("Compiling the native addon (a few minutes the first time) ...");
  const quiet = ["--log-level", "warn"];
  if (nativeTests) {
    const options = { stdio: ["ignore", "ignore", "inherit"] };
    execute(...bin("cmake-js", "cmake-js", ["configure", ...quiet, "--CDNABLA_NATIVE_TESTS=ON"], options));
  }
  execute(...bin("cmake-js", "cmake-js", ["build", ...quiet, "--parallel", jobs]));
}

/** CMake, a C++ compiler and a build program; installed where we may, else named in one message. */
function ensureToolchain() {
  const missing = missingTools();
  if (missing.length === 0) return;
  const packages = missing.map((tool) => tool.aptPackage);
  if (process.platform === "linux" && process.getuid() === 0 && found("apt-get")) {
    console.log(`Installing ${packages.join(", ")} (apt-get) ...`);
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    attempt("apt-get", ["update", "-qq"], { env });
    attempt("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...packages], { env });
  }
  const still = missingTools();
  if (still.length > 0) {
    throw new Failure(
      `To compile the native addon, nabla needs ${still.map((tool) => tool.what).join(", ")}.\n` +
        `Install it and run the command again; on Debian or Ubuntu: sudo apt-get install ${packages.join(" ")}`,
    );
  }
}

function missingTools() {
  const tools = [
    { what: "CMake 3.18 or newer", aptPackage: "cmake", present: cmakeVersion() >= 3.018 },
    { what: "a C++17 compiler", aptPackage: "g++", present: process.env.CXX || ["c++", "g++", "clang++"].some(found) },
    { what: "make or ninja", aptPackage: "make", present: ["make", "ninja"].some(found) },
  ];
  return process.platform === "win32"
    ? tools.slice(0, 1).filter((tool) => !tool.present)
    : tools.filter((tool) => !tool.present);
}

/** As a number that compares: 3.25 is 3.025. */
function cmakeVersion() {
  const { stdout } = spawnSync("cmake", ["--version"], { encoding: "utf8" });
  const [, major, minor] = /(\d+)\.(\d+)/.exec(stdout ?? "") ?? [0, 0, 0];
  return Number(major) + Number(minor) / 1000;
}

function found(program) {
  return !spawnSync(program, ["--version"], { stdio: "ignore" }).error;
}

if (import.meta.url === pathToFileURL(resolve(process.argv[1] ?? "")).href) {
  const asked = new Set(process.argv.slice(2));
  await run(() =>
    setup({ native: !asked.has("--ts"), ts: !asked.has("--native"), nativeTests: asked.has("--native-tests") }),
  );
}
