import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { fakeCuda } from "./support/cuda.js";

// The compiled program, as `npx nabla` runs it; `npm test` has built it.
const main = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
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
  });

  it("explains its commands when asked, and when given nothing", () => {
    const { code, out } = nabla(["--help"]);
    expect(code).toBe(0);
    expect(out).toContain("nabla info [--json]");
    expect(out).toContain("nabla bench [--json]");
    expect(nabla([]).out).toBe(out);
  });

  it.each([
    [["train"], 'nabla: unknown command: "train"'],
    [["toString"], 'nabla: unknown command: "toString"'],
    [["info", "more"], 'nabla: info takes no "more"'],
    [["--json"], "nabla: no command given"],
    [["info", "--yaml"], "nabla: Unknown option '--yaml'"],
  ])("refuses %j with exit code 2 and the help", (args, message) => {
    const { code, out, err } = nabla(args);
    expect(code).toBe(2);
    expect(out).toBe("");
    expect(err.startsWith(message)).toBe(true);
    expect(err).toContain("nabla info [--json]");
  });
});

describe("nabla info", () => {
  it("tells what the engine found, as text and as JSON", () => {
    const environment = {
      NABLA_ISA: "scalar",
      NABLA_THREADS: "1",
      NABLA_CONV: "im2col",
      NABLA_CUDA_ADDON: "/nowhere/cuda.node",
    };
    const reason = "NABLA_CUDA_ADDON names /nowhere/cuda.node, which does not load: no such file";
    const report = JSON.parse(nabla(["info", "--json"], environment).out) as Record<string, unknown>;
    expect(report).toMatchObject({ nabla: version, node: process.versions.node, threads: 1 });
    expect(report["isa"]).toMatchObject({ chosen: "scalar" });
    expect(report["convolution"]).toBe("im2col");
    expect(report["addon"]).toMatch(/nabla\.node$/);
    expect(report["cuda"]).toEqual({ available: false, reason });
    expect(report["device"]).toBe("cpu");

    const { code, out } = nabla(["info"], environment);
    expect(code).toBe(0);
    expect(out).toMatch(/^ISA +scalar \(this CPU has \w+\)$/m);
    expect(out).toMatch(/^threads +1 on \d+ CPUs, /m);
    expect(out).toMatch(/^conv +im2col$/m);
    expect(out).toContain(`\nCUDA     no: ${reason}\n`);
    expect(out).toMatch(/^device +cpu$/m);
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
