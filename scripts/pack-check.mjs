// `npm run pack:check`: makes the tarball as a release would, installs it into an empty project whose PATH has no
// compiler, and uses it from ESM, CommonJS, strict TypeScript and the shell. The last line counts the checks.
import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, delimiter, join } from "node:path";
import { spawnSync } from "node:child_process";
import { Failure, bin, closingLine, execute, output, root, run } from "./lib.mjs";

const PROGRAM = `
const w = tensor([[1], [2]], { requiresGrad: true });
const y = tensor([[3, 4]]).matmul(w);
y.sum().backward();
console.log(JSON.stringify([y.itemSync(), w.grad.toArraySync()]));
`;
const PRINTED = "[11,[[3],[4]]]\n";

const TYPED_PROGRAM = `
import { Sequential, layers, tensor, type Tensor } from "nabla";
function double(x: Tensor): Tensor {
  using two = tensor([2]);
  return x.mul(two);
}
const model = new Sequential([new layers.Dense({ units: 1, inputShape: [2] })]);
const parameters: number = model.countParams();
// @ts-expect-error: no such option
export const misuse = () => tensor([1], { requireGrad: true });
const result: number = double(tensor([21])).itemSync();
console.log(JSON.stringify({ parameters, result }));
`;

await run(() => {
  execute(process.execPath, ["scripts/prebuild.mjs"]);
  const work = mkdtempSync(join(tmpdir(), "nabla pack #"));
  try {
    closingLine(checkAll(work));
  } finally {
    rmSync(work, { recursive: true });
  }
});

function checkAll(work) {
  const npm = npmScript();
  const pack = (folder) => {
    const args = [npm, "pack", "--json", "--ignore-scripts", "--pack-destination", work, folder];
    const [made] = JSON.parse(output(process.execPath, args));
    console.log(`${made.filename}: ${(made.size / 2 ** 20).toFixed(2)} MiB, ${made.files.length} files`);
    return { filename: made.filename, files: made.files.map((file) => file.path) };
  };
  const packed = pack(".");
  const { files } = packed;

  const app = join(work, "app");
  const path = compilerFreePath(work);
  const inApp = (program, args) => output(program, args, { cwd: app, env: { HOME: process.env.HOME, PATH: path } });
  const write = (name, text) => writeFileSync(join(app, name), text);
  mkdirSync(app);
  write("package.json", JSON.stringify({ name: "app", version: "1.0.0", private: true }));

  const checks = {
    "the tarball holds what it should, and no more"() {
      for (const needed of [
        "package.json",
        "README.md",
        "LICENSE",
        "dist/index.js",
        "dist/index.d.ts",
        "dist/cli/main.js",
      ]) {
        assert.ok(files.includes(needed), `${needed} is missing`);
      }
      assert.ok(
        files.some((file) => /^prebuilds\/[^/]+\/nabla\.node$/.test(file)),
        "no binary",
      );
      const known = /^(package\.json|README\.md|LICENSE|dist\/.*\.(js|d\.ts)|prebuilds\/[^/]+\/nabla\.node)$/;
      assert.deepEqual(
        files.filter((file) => !known.test(file)),
        [],
      );
    },
    "no compiler is on the PATH of what follows"() {
      for (const tool of ["cc", "c++", "gcc", "g++", "clang", "make", "cmake", "python3"]) {
        assert.ok(spawnSync(tool, ["--version"], { env: { PATH: path } }).error, `${tool} is on the PATH`);
      }
    },
    "npm install without scripts"() {
      inApp(process.execPath, [
        npm,
        "install",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        join(work, packed.filename),
      ]);
      const { scripts } = JSON.parse(readFileSync(join(app, "node_modules/nabla/package.json"), "utf8"));
      assert.deepEqual(
        Object.keys(scripts).filter((name) => /install|prepare/.test(name)),
        [],
      );
    },
    "import from an ES module"() {
      write("esm.mjs", `import { tensor } from "nabla";${PROGRAM}`);
      assert.equal(inApp(process.execPath, ["esm.mjs"]), PRINTED);
    },
    "require from CommonJS"() {
      write("cjs.cjs", `const { tensor } = require("nabla");${PROGRAM}`);
      assert.equal(inApp(process.execPath, ["--no-warnings", "cjs.cjs"]), PRINTED);
    },
    "strict TypeScript"() {
      write("typed.mts", TYPED_PROGRAM);
      const compilerOptions = {
        strict: true,
        exactOptionalPropertyTypes: true,
        module: "nodenext",
        target: "es2022",
        lib: ["es2023", "dom", "esnext.disposable"],
        types: [],
      };
      write("tsconfig.json", JSON.stringify({ compilerOptions, files: ["typed.mts"] }));
      const [node, args] = bin("typescript", "tsc", ["--project", app]);
      inApp(node, args);
      assert.equal(inApp(node, ["typed.mjs"]), '{"parameters":3,"result":42}\n');
    },
    "npx nabla info"() {
      const report = JSON.parse(inApp("npx", ["--no", "nabla", "info", "--json"]));
      assert.equal(report.error, undefined);
      assert.ok(
        realpathSync(report.addon).startsWith(realpathSync(join(app, "node_modules/nabla/prebuilds"))),
        report.addon,
      );
      assert.match(inApp("npx", ["--no", "nabla", "info"]), /^CUDA/m);
    },
  };

  const cuda = "packages/nabla-cuda-linux-x64";
  if (existsSync(join(root, cuda, "nabla_cuda.node"))) {
    checks["the package of CUDA beside it"] = () => {
      const { filename, files: held } = pack(`./${cuda}`);
      assert.deepEqual(held.sort(), ["LICENSE", "README.md", "nabla_cuda.node", "package.json"]);
      inApp(process.execPath, [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", join(work, filename)]);
      const report = JSON.parse(inApp("npx", ["--no", "nabla", "info", "--json"])).cuda;
      assert.match(report.addon ?? "", /nabla-cuda-linux-x64/);
      assert.ok(report.available || report.reason, "CUDA is neither there nor said to be missing");
      console.log(`        CUDA: ${report.available ? "a device is present" : report.reason}`);
    };
  } else {
    console.log(`not run: the package of CUDA (nvcc was not found, so there is no ${cuda}/nabla_cuda.node)`);
  }

  const counts = { passed: 0, failed: 0 };
  for (const [name, check] of Object.entries(checks)) {
    try {
      check();
      counts.passed += 1;
      console.log(`ok      ${name}`);
    } catch (error) {
      counts.failed += 1;
      console.log(`failed  ${name}\n${error.message}`);
    }
  }
  return counts;
}

/** A folder that holds node, npx and a shell (which npx needs), as the whole PATH. */
function compilerFreePath(work) {
  const folder = join(work, "bin");
  mkdirSync(folder);
  symlinkSync(process.execPath, join(folder, "node"));
  symlinkSync(npmScript().replace("npm-cli.js", "npx-cli.js"), join(folder, "npx"));
  symlinkSync("/bin/sh", join(folder, "sh"));
  return folder;
}

/** npm's own JavaScript file: the one that runs this script, or the one on the PATH. */
function npmScript() {
  const places = [process.env.npm_execpath, ...process.env.PATH.split(delimiter).map((folder) => join(folder, "npm"))];
  const place = places.find((file) => file && existsSync(file));
  const script = place && realpathSync(place);
  if (!script || basename(script) !== "npm-cli.js") throw new Failure("npm was not found");
  return script;
}
