import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

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
    const environment = { NABLA_ISA: "scalar", NABLA_THREADS: "1", NABLA_CONV: "im2col" };
    const report = JSON.parse(nabla(["info", "--json"], environment).out) as Record<string, unknown>;
    expect(report).toMatchObject({ nabla: version, node: process.versions.node, threads: 1 });
    expect(report["isa"]).toMatchObject({ chosen: "scalar" });
    expect(report["convolution"]).toBe("im2col");
    expect(report["addon"]).toMatch(/nabla\.node$/);
    expect(report["cuda"]).toEqual({ available: false, reason: "not in this build" });

    const { code, out } = nabla(["info"], environment);
    expect(code).toBe(0);
    expect(out).toMatch(/^ISA +scalar \(this CPU has \w+\)$/m);
    expect(out).toMatch(/^threads +1 on \d+ CPUs, /m);
    expect(out).toMatch(/^conv +im2col$/m);
    expect(out).toMatch(/^CUDA +no: not in this build$/m);
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
