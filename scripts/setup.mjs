// Makes a checkout ready to run, doing only what is out of date: packages, the native addon, dist/ and the examples.
// `--native` and `--ts` limit it to one of the two builds; `--native-tests` adds the native tests.
import { copyFileSync, existsSync, mkdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { spawnSync } from "node:child_process";
import { Failure, attempt, bin, execute, jobs, root, run } from "./lib.mjs";

const buildDir = join(root, "build");

export function setup({ native = true, ts = true, nativeTests = false } = {}) {
  checkNode();
  installPackages(root);
  if (native) buildNative(nativeTests);
  if (ts) execute(...bin("typescript", "tsc", ["--build", "tsconfig.examples.json"]));
}

function checkNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    throw new Failure(`nabla needs Node 20.19 or newer; this is ${process.version}.`);
  }
}

/** Installs what the package-lock.json of a folder asks for, unless it is there. */
export function installPackages(folder) {
  if (packagesAreInstalled(folder)) return;
  console.log("Installing packages (npm ci) ...");
  // A script of npm may run under npm, which then names its own file; a bare `npm` works everywhere else.
  const npm = process.env.npm_execpath;
  const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
  if (npm?.endsWith(".js")) execute(process.execPath, [npm, ...args], { cwd: folder });
  else execute("npm", args, { cwd: folder, shell: process.platform === "win32" });
}

/** Whether node_modules holds what package-lock.json asks for (npm keeps its own list of what it installed). */
function packagesAreInstalled(folder) {
  const listed = join(folder, "node_modules/.package-lock.json");
  if (!existsSync(listed)) return false;
  const read = (file) => JSON.parse(readFileSync(file, "utf8")).packages;
  const installed = read(listed);
  return Object.entries(read(join(folder, "package-lock.json"))).every(
    ([path, { version, optional }]) =>
      path === "" || (optional && !installed[path]) || installed[path]?.version === version,
  );
}

function buildNative(nativeTests) {
  const missing = ensureToolchain();
  if (missing.length === 1 && missing[0].aptPackage === "cmake" && !nativeTests) return buildWithGyp();
  if (missing.length > 0) {
    throw new Failure(
      `To compile the native addon, nabla needs ${missing.map((tool) => tool.what).join(", ")}.\n` +
        `Install it and run the command again; on Debian or Ubuntu: sudo apt-get install ${aptPackages(missing)}`,
    );
  }
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

/** Without CMake: the addon alone, no native tests. */
function buildWithGyp() {
  console.log("No CMake here: compiling the native addon with node-gyp (a few minutes the first time) ...");
  const where = ["--directory", "native", "--loglevel", "warn"];
  // Node's headers lie beside Node, but for some of its installers'; then node-gyp fetches them.
  const prefix = resolve(realpathSync(process.execPath), "../..");
  if (existsSync(join(prefix, "include/node/common.gypi"))) where.push("--nodedir", prefix);
  execute(...bin("node-gyp", "node-gyp", ["configure", ...where]));
  execute(...bin("node-gyp", "node-gyp", ["build", ...where, "--jobs", jobs]));
  mkdirSync(join(buildDir, "Release"), { recursive: true });
  copyFileSync(join(root, "native/build/Release/nabla.node"), join(buildDir, "Release/nabla.node"));
}

/** What is missing of CMake, a C++ compiler and a build program, once what we may install is installed. */
function ensureToolchain() {
  const missing = missingTools();
  if (missing.length === 0 || process.platform !== "linux" || process.getuid() !== 0 || !found("apt-get"))
    return missing;
  console.log(`Installing ${aptPackages(missing)} (apt-get) ...`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  attempt("apt-get", ["update", "-qq"], { env });
  attempt("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...missing.map((tool) => tool.aptPackage)], {
    env,
  });
  return missingTools();
}

function aptPackages(tools) {
  return tools.map((tool) => tool.aptPackage).join(" ");
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
