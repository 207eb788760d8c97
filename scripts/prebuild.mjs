// `npm run prebuild`: this machine's addons as the packages ship them, in prebuilds/<platform>/nabla.node and, where nvcc
// built it, packages/nabla-cuda-linux-x64/nabla_cuda.node. `-- win32-x64 ...` cross-compiles the addons of the platforms
// that are named, and `-- --all` makes this machine's and all others. Each is stripped, and proved to hold no path of this
// machine and no rpath, and to need nothing of the system that Node 20 does not need itself.
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { Failure, execute, root, run } from "./lib.mjs";
import { PLATFORMS, crossCompile } from "./prebuild-cross.mjs";
import { inspect } from "./prebuild-inspect.mjs";
import { setup } from "./setup.mjs";

/** Built by this machine's own compiler, which the tests and benchmarks have run the code of. */
const LOCAL = {
  format: "elf",
  machine: process.arch,
  libraries: [
    "libc.so.6",
    "libm.so.6",
    "libgcc_s.so.1",
    "libstdc++.so.6",
    "libpthread.so.0",
    "libdl.so.2",
    "librt.so.1",
    /^ld-linux-.*\.so\.\d$/,
  ],
  floors: { GLIBC: "2.28", GLIBCXX: "3.4.21" },
};
/** NVIDIA's static runtime binds to the newest versions that the linker finds of functions that moved into libc in 2.34. */
const LOCAL_CUDA = { ...LOCAL, floors: { ...LOCAL.floors, GLIBC: "2.34" } };

await run(async () => {
  const { all, names } = parse(process.argv.slice(2));
  if (all || names.length === 0) await prebuildLocal();
  for (const name of names) {
    place(crossCompile(name), prebuilt(name));
    report(prebuilt(name), PLATFORMS[name]);
  }
});

function parse(args) {
  const { values, positionals } = parseArgs({ args, options: { all: { type: "boolean" } }, allowPositionals: true });
  const known = Object.keys(PLATFORMS);
  const unknown = positionals.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new Failure(`prebuild: unknown platform: ${unknown.join(", ")}, expected some of ${known.join(", ")}`);
  }
  if (values.all && positionals.length > 0) {
    throw new Failure(`prebuild: --all takes no names: ${positionals.join(", ")}`);
  }
  return { all: values.all, names: values.all ? known : positionals };
}

async function prebuildLocal() {
  rmSync(join(root, "dist"), { recursive: true, force: true }); // nothing of sources that are gone
  setup();
  const { platformName } = await import(pathToFileURL(join(root, "dist/native/load.js")).href);
  rmSync(join(root, "prebuilds"), { recursive: true, force: true });
  placeLocal("nabla.node", prebuilt(platformName()), LOCAL);
  const cuda = "packages/nabla-cuda-linux-x64";
  rmSync(join(root, cuda, "nabla_cuda.node"), { force: true });
  if (existsSync(join(root, "build/Release/nabla_cuda.node"))) {
    const versionOf = (folder) => JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8")).version;
    if (versionOf(cuda) !== versionOf(".")) throw new Failure(`${cuda}: has another version than nabla`);
    placeLocal("nabla_cuda.node", join(root, cuda, "nabla_cuda.node"), LOCAL_CUDA);
    copyFileSync(join(root, "NOTICE"), join(root, cuda, "NOTICE"));
  } else {
    console.log(`${cuda}: not built, because no nvcc was found`);
  }
}

function prebuilt(name) {
  return join(root, "prebuilds", name, "nabla.node");
}

function place(built, target) {
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(built, target);
}

function placeLocal(built, target, allowed) {
  place(join(root, "build/Release", built), target);
  if (process.platform !== "linux")
    return console.log(`${target}: not inspected, as it was built on ${process.platform}`);
  execute("strip", ["--strip-unneeded", "--remove-section=.comment", target]);
  report(target, allowed);
}

function report(file, allowed) {
  console.log(`${file}: ${(statSync(file).size / 2 ** 20).toFixed(2)} MiB; ${inspect(file, allowed)}`);
}
