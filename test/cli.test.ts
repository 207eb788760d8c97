import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { totalmem, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { Report } from "../src/ts/cli/inspect.js";
import { glibcVersion, platformName } from "../src/ts/native/load.js";
import { fakeCuda } from "./support/cuda.js";

// The compiled program, as `npx nabla` runs it; `npm test` has built it.
const main = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const built = fileURLToPath(new URL("../build/Release/nabla.node", import.meta.url));
const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  version: string;
};

function nabla(
  args: string[],
  environment: Record<string, string> = {},
): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
    encoding: "utf8",
    env: { ...process.env, ...environment },
  });
  return { code: status, out: stdout, err: stderr };
}

describe("nabla", () => {
  it("tells its version", () => {
    expect(nabla(["--version"])).toEqual({ code: 0, out: `${version}\n`, err: "" });
    expect(nabla(["-v"]).out).toBe(`${version}\n`);
  });

  it("explains its commands when asked, and when given nothing", () => {
    const { code, out } = nabla(["--help"]);
    expect(code).toBe(0);
    for (const command of ["info", "bench", "train"]) expect(out).toMatch(new RegExp(`^  ${command} .*\\w{2}`, "m"));
    expect(nabla([])).toEqual({ code: 0, out, err: "" });
  });

  it.each([
    ["info", "tells what the engine found on this machine"],
    ["bench", "times matrix products and training steps"],
    ["train", "runs an example; without a name it lists them"],
  ])("explains %s", (command, summary) => {
    const { code, out, err } = nabla([command, "--help"]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toContain(`Usage: nabla ${command} [options]`);
    expect(out).toContain(summary);
  });

  const hint = "(nabla --help tells what there is)\n";
  it.each([
    [["trian"], `nabla: unknown command 'trian'\n(Did you mean train?)\n${hint}`],
    [["toString"], `nabla: unknown command 'toString'\n${hint}`],
    [["info", "more"], `nabla: too many arguments for 'info'. Expected 0 arguments but got 1.\n${hint}`],
    [["--json"], `nabla: unknown option '--json'\n${hint}`],
    [["info", "--jsn"], `nabla: unknown option '--jsn'\n(Did you mean --json?)\n${hint}`],
    [["bench", "--yaml"], `nabla: unknown option '--yaml'\n${hint}`],
  ])("refuses %j with exit code 2", (args, message) => {
    expect(nabla(args)).toEqual({ code: 2, out: "", err: message });
  });
});

describe("nabla bench", () => {
  it("ends without a word when nobody reads on", async () => {
    const child = spawn(process.execPath, [main, "bench"]);
    let err = "";
    child.stderr.on("data", (bytes: Buffer) => (err += bytes.toString()));
    child.stdout.once("data", () => child.stdout.destroy());
    const [code] = (await once(child, "close")) as [number | null];
    expect({ code, err }).toEqual({ code: 0, err: "" });
  });
});

describe("nabla train", () => {
  const folder = fileURLToPath(new URL("../examples", import.meta.url));
  const sources = readdirSync(folder).map((file) => [file, readFileSync(join(folder, file), "utf8")] as const);
  /** Those that are programs; the others are what these import. */
  const examples = sources.filter(([file]) => !sources.some(([, text]) => text.includes(file.replace(".ts", ".js"))));

  it("lists the examples, every one, with what each does", () => {
    const { code, out } = nabla(["train"]);
    expect(code).toBe(0);
    const listed = [...out.matchAll(/^  (\w+) +\w+/gm)].map(([, name]) => `${name}.ts`);
    expect(listed.sort()).toEqual(examples.map(([file]) => file).sort());
    expect(out).toMatch(/^  cnn +Trains a small convolutional network on real handwritten digits/m);
  });

  it.each(examples)("tells about %s, and all its options", (file, text) => {
    const name = file.replace(".ts", "");
    const { code, out, err } = nabla(["train", name, "--help"]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toContain(`\n  npx nabla train ${name} `);
    const shared = text.includes("...TEXT_OPTIONS") ? readFileSync(join(folder, "text.ts"), "utf8") : "";
    const options = [...(shared + text).matchAll(/(\w+): \{ type: "string"/g)].map(([, option]) => `--${option}`);
    expect(options.length).toBeGreaterThan(1);
    expect(out).toContain(`\nOptions: ${options.join(", ")}.\n`);
  });

  it("runs an example with its options", () => {
    const { code, out, err } = nabla(["train", "names", "--samples", "300", "--epochs", "1", "--names", "ada"]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(/^Epoch 1\/1 - .* - loss: [\d.]+ - /m);
    expect(out).toMatch(/^ada, a man's name by so many percent: a \d+, d \d+, a \d+$/m);
  });

  const hint = "(nabla train lists the examples, nabla train <example> --help their options)\n";
  it.each([
    [["nams"], `nabla: train: unknown example: "nams", did you mean "names"?\n${hint}`],
    [["names", "--epohs", "1"], `nabla: train names: Unknown option '--epohs'`],
    [
      ["names", "more"],
      "nabla: train names: Unexpected argument 'more'. This command does not take positional arguments",
    ],
  ])("refuses %j with exit code 2", (args, message) => {
    const { code, out, err } = nabla(["train", ...args]);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err.slice(0, message.length)).toBe(message);
    expect(err.endsWith(hint)).toBe(true);
  });

  it("says what an example says that fails, with exit code 1", () => {
    const { code, err } = nabla(["train", "names", "--samples", "300", "--epochs", "many"]);
    expect({ code, err }).toEqual({
      code: 1,
      err: "nabla: fit: epochs is wrong: NaN, expected a positive integer\n",
    });
  });
});

describe("nabla info", () => {
  it("tells what the engine found, as text and as JSON", () => {
    const environment = {
      NABLA_ISA: "scalar",
      NABLA_THREADS: "1",
      NABLA_PIN: "0",
      NABLA_CONV: "im2col",
      NABLA_MEMORY_LIMIT: String(2 ** 30),
      NABLA_OFFLINE: "1",
      NABLA_CUDA_ADDON: "/nowhere/cuda.node",
      HF_TOKEN: "secret",
    };
    const reason = "NABLA_CUDA_ADDON names /nowhere/cuda.node, which does not load: no such file";
    const json = nabla(["info", "--json"], environment).out;
    expect(json).not.toContain("secret");
    const report = JSON.parse(json) as Report;
    expect(report).toMatchObject({
      nabla: version,
      node: process.versions.node,
      nodeApi: process.versions["napi"],
      platform: platformName(),
      glibc: glibcVersion() ?? null,
      environment: { NABLA_ISA: "scalar", NABLA_THREADS: "1" },
      memory: { total: totalmem() },
      memoryLimit: 2 ** 30,
      isa: { chosen: "scalar", why: "NABLA_ISA" },
      threads: { count: 1, why: "NABLA_THREADS", pinned: false, pinning: "NABLA_PIN" },
      convolution: "im2col",
      device: "cpu",
      addon: { path: built, origin: "local build", bytes: statSync(built).size },
      models: { offline: true },
    });
    expect(report.memory.available).toBeGreaterThan(0);
    expect(report.memory.available).toBeLessThanOrEqual(report.memory.total);
    expect(report.cuda).toEqual({ available: false, reason });

    const { code, out } = nabla(["info"], environment);
    expect(code).toBe(0);
    expect(out).not.toContain("secret");
    const { detected } = report.isa!;
    const other = detected === "scalar" ? "" : `; this CPU has ${detected}`;
    expect(out).toContain(`\nISA      scalar (NABLA_ISA${other})\n`);
    expect(out).toMatch(/^threads +1 on \d+ CPUs \(NABLA_THREADS\), not pinned \(NABLA_PIN\)$/m);
    expect(out).toMatch(/^conv +im2col$/m);
    expect(out).toMatch(/^memory +[\d.]+ GiB, [\d.]+ GiB available, tensors may take 1\.0 GiB on cpu$/m);
    expect(out).toMatch(/^ +local build, [\d.]+ MiB/m);
    expect(out).toContain(`\nCUDA     no: ${reason}\n`);
    expect(out).toMatch(/^device +cpu$/m);
    expect(out).toMatch(/^models +\d+ in .*; NABLA_OFFLINE: no others are fetched$/m);
    expect(out).toMatch(/^(set)? +NABLA_ISA=scalar$/m);
  });

  it("says why it chose what nobody asked for", () => {
    const unset = { NABLA_ISA: "", NABLA_THREADS: "", NABLA_PIN: "" };
    const { isa, threads } = JSON.parse(nabla(["info", "--json"], unset).out) as Report;
    expect(isa!.chosen).toBe(isa!.detected);
    expect(isa!.why).toMatch(/^the best of this CPU(, which does not offer AVX.*)?$/);
    expect(threads).toMatchObject({ count: threads!.cpus, why: "one for each CPU of this process" });
    expect(threads!.pinning).toBe(threads!.pinned ? "one to each CPU" : "the system refuses");
    const more = { ...unset, NABLA_THREADS: String(threads!.cpus + 1) };
    expect(nabla(["info"], more).out).toContain("not pinned (there are not as many as CPUs)\n");
  });

  it("reads the oldest glibc that the addon needs from its file", () => {
    const { addon, glibc } = JSON.parse(nabla(["info", "--json"]).out) as Report;
    const needed = addon!.needs.glibc;
    // It has been loaded, so this system's is new enough; another C library has no such versions.
    if (glibc === null) expect(needed).toBeNull();
    else expect(needed!.localeCompare(glibc, "en", { numeric: true })).toBeLessThanOrEqual(0);
    expect(addon!.needs.glibcxx).toBeNull();
  });

  it("counts the models in the folder of Hugging Face's programs", () => {
    const folder = mkdtempSync(join(tmpdir(), "nabla-models-"));
    try {
      const environment = { HF_HUB_CACHE: join(folder, "hub"), NABLA_OFFLINE: "" };
      const line = (): string => /^models .*$/m.exec(nabla(["info"], environment).out)![0];
      expect(line()).toBe(`models   0 in ${join(folder, "hub")}`);
      for (const name of ["models--a--b", "models--c", "datasets--d"])
        mkdirSync(join(folder, "hub", name), { recursive: true });
      expect(line()).toBe(`models   2 in ${join(folder, "hub")}`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("tells what CUDA found", () => {
    const environment = { NABLA_CUDA_ADDON: fakeCuda, NABLA_DEVICE: "cuda" };
    const report = JSON.parse(nabla(["info", "--json"], environment).out) as Record<string, unknown>;
    expect(report).toMatchObject({
      device: "cuda",
      cuda: { available: true, addon: fakeCuda, driver: "13.0", runtime: "13.0", devices: [{ name: "Fake GPU" }] },
    });
    const { code, out } = nabla(["info"], environment);
    expect(code).toBe(0);
    expect(out).toMatch(/^CUDA +13\.0, driver for 13\.0$/m);
    expect(out).toMatch(/^GPU 0 +Fake GPU, compute capability 9\.0, 4 multiprocessors, 1\.0 GiB at 2000 GB\/s$/m);
    expect(out).toMatch(/^device +cuda$/m);
    const fake = JSON.stringify({ reason: "no NVIDIA driver is installed", driver: 0, devices: [] });
    const without = { NABLA_CUDA_ADDON: fakeCuda, NABLA_FAKE_CUDA: fake };
    expect(nabla(["info"], without).out).toMatch(/^CUDA +no: no NVIDIA driver is installed$/m);
    const { cuda } = JSON.parse(nabla(["info", "--json"], without).out) as { cuda: Record<string, unknown> };
    expect(cuda).toMatchObject({ available: false, driver: null, runtime: "13.0", devices: [] });
    const refused = nabla(["info"], { ...without, NABLA_DEVICE: "cuda" });
    expect(refused.code).toBe(1);
    expect(refused.out).toContain('NABLA_DEVICE: the device "cuda" cannot be used: no NVIDIA driver is installed; ');
  });

  it("says why the engine does not start, with exit code 1", () => {
    const missing = nabla(["info"], { NABLA_ADDON: "/nowhere/nabla.node" });
    expect(missing.code).toBe(1);
    expect(missing.out).toContain("/nowhere/nabla.node: no such file");
    expect(missing.out).toContain(`nabla    ${version}`);

    const wrong = nabla(["info", "--json"], { NABLA_THREADS: "many" });
    expect(wrong.code).toBe(1);
    expect((JSON.parse(wrong.out) as { error: string }).error).toMatch(/^NABLA_THREADS: .*"many"/);
  });
});
