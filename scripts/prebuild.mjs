// `npm run prebuild`: the addons as the packages ship them, in prebuilds/<platform>/nabla.node and, where nvcc built it,
// packages/nabla-cuda-linux-x64/nabla_cuda.node: stripped, and proved to hold no path of this machine and no rpath, and
// to need nothing of the system that Node 20 does not need itself.
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { Failure, execute, output, root, run } from "./lib.mjs";
import { setup } from "./setup.mjs";

/** What every Linux that Node 20 runs on has, and the versions that Node 20 itself needs. */
const LIBRARIES = [
  "libc.so.6",
  "libm.so.6",
  "libgcc_s.so.1",
  "libstdc++.so.6",
  "libpthread.so.0",
  "libdl.so.2",
  "librt.so.1",
  "ld-linux-x86-64.so.2",
];
const FLOOR = { GLIBC: "2.28", GLIBCXX: "3.4.21" };
/** NVIDIA's static runtime binds to the newest versions that the linker finds of functions that moved into libc in 2.34. */
const CUDA_FLOOR = { ...FLOOR, GLIBC: "2.34" };

await run(async () => {
  rmSync(join(root, "dist"), { recursive: true, force: true }); // nothing of sources that are gone
  setup();
  const { platformName } = await import(pathToFileURL(join(root, "dist/native/load.js")).href);
  rmSync(join(root, "prebuilds"), { recursive: true, force: true });
  place("build/Release/nabla.node", join("prebuilds", platformName(), "nabla.node"), FLOOR);
  const cuda = "packages/nabla-cuda-linux-x64";
  rmSync(join(root, cuda, "nabla_cuda.node"), { force: true });
  if (existsSync(join(root, "build/Release/nabla_cuda.node"))) {
    const versionOf = (folder) => JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8")).version;
    if (versionOf(cuda) !== versionOf(".")) throw new Failure(`${cuda}: has another version than nabla`);
    place("build/Release/nabla_cuda.node", join(cuda, "nabla_cuda.node"), CUDA_FLOOR);
  } else {
    console.log(`${cuda}: not built, because no nvcc was found`);
  }
});

function place(built, name, floors) {
  const target = join(root, name);
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(join(root, built), target);
  if (process.platform === "linux") {
    execute("strip", ["--strip-unneeded", "--remove-section=.comment", target]);
    inspect(target, floors);
  }
  console.log(`${target}: ${(statSync(target).size / 2 ** 20).toFixed(2)} MiB`);
}

function inspect(file, floors) {
  const dynamic = output("objdump", ["-p", file]);
  if (/R(UN)?PATH/.test(dynamic)) throw new Failure(`${file}: has an rpath`);
  const needed = [...dynamic.matchAll(/NEEDED\s+(\S+)/g)].map(([, name]) => name);
  const foreign = needed.filter((name) => !LIBRARIES.includes(name));
  if (needed.length === 0 || foreign.length > 0)
    throw new Failure(`${file}: needs ${foreign.join(", ") || "no library"}`);
  const bytes = readFileSync(file);
  for (const path of [root, homedir() + "/"]) {
    if (bytes.includes(path)) throw new Failure(`${file}: holds the path ${path}`);
  }
  const symbols = output("objdump", ["-T", file]);
  for (const [library, floor] of Object.entries(floors)) {
    const needs = newest(symbols, library);
    if (needs !== undefined && compare(needs, floor) > 0) {
      throw new Failure(`${file}: needs ${library}_${needs}, and may need no more than ${library}_${floor}`);
    }
    console.log(`${library}: ${needs ?? "not needed"}`);
  }
}

function newest(symbols, library) {
  const versions = [...symbols.matchAll(new RegExp(`\\b${library}_([\\d.]+)`, "g"))].map(([, version]) => version);
  return versions.sort(compare).at(-1);
}

function compare(a, b) {
  return a.localeCompare(b, "en", { numeric: true });
}
