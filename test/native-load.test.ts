import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { NativeError } from "../src/ts/errors.js";
import { loadAddon, loadCudaAddon, platformName } from "../src/ts/native/load.js";
import { fakeCuda } from "./support/cuda.js";

const built = fileURLToPath(new URL("../build/Release/nabla.node", import.meta.url));

/** Paths that `bindings` and file URLs are known to get wrong. */
const AWKWARD = ["with spaces", "a#b", "100%25", "ünïcode"];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "nabla-load-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A package root named `name` that holds these files; `undefined` stands for the real addon. */
function packageWith(name: string, files: Record<string, string | undefined>): string {
  const root = join(folder, name);
  for (const [path, content] of Object.entries(files)) {
    const file = join(root, path);
    mkdirSync(dirname(file), { recursive: true });
    if (content === undefined) copyFileSync(built, file);
    else writeFileSync(file, content);
  }
  return root;
}

function failure(environment: Record<string, string>, root: string): NativeError {
  let error: unknown;
  try {
    loadAddon(environment, root);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(NativeError);
  return error as NativeError;
}

const prebuilt = `prebuilds/${platformName()}/nabla.node`;
const local = "build/Release/nabla.node";

describe("platformName", () => {
  it.each([
    ["linux-x64-glibc", "linux", "x64", { glibcVersionRuntime: "2.28" }],
    ["linux-x64-musl", "linux", "x64", {}],
    ["linux-arm64-glibc", "linux", "arm64", { glibcVersionRuntime: "2.36" }],
    ["win32-x64", "win32", "x64", {}],
    ["darwin-arm64", "darwin", "arm64", {}],
  ])("is %s where Node reports that", (name, platform, arch, header) => {
    vi.stubGlobal("process", { ...process, platform, arch, report: { getReport: () => ({ header }) } });
    try {
      expect(platformName()).toBe(name);
    } finally {
      vi.unstubAllGlobals();
    }
  });
});

describe("loadAddon", () => {
  it("names this platform as the folders of prebuilds/ do", () => {
    expect(platformName()).toMatch(process.platform === "linux" ? /^linux-\w+-(glibc|musl)$/ : /^\w+-\w+$/);
  });

  it("finds the local build of this checkout by itself", () => {
    const addon = loadAddon({});
    expect(addon.path).toBe(built);
    expect(addon.info().ops).toContain("matmul");
  });

  it.each(AWKWARD)("loads the shipped binary from a folder named %o", (name) => {
    const addon = loadAddon({}, packageWith(name, { [prebuilt]: undefined }));
    expect(addon.path).toBe(join(folder, name, prebuilt));
    expect(addon.info().ops.length).toBeGreaterThan(0);
  });

  it("prefers the shipped binary to a local build in a package, and the local build in a checkout", () => {
    const both = { [local]: undefined, [prebuilt]: undefined };
    expect(loadAddon({}, packageWith("both", both)).path).toBe(join(folder, "both", prebuilt));
    const checkout = packageWith("checkout", { ...both, "CMakeLists.txt": "" });
    expect(loadAddon({}, checkout).path).toBe(join(checkout, local));
  });

  it("goes on to the second place when the first is broken", () => {
    const root = packageWith("broken binary", { [prebuilt]: "not ELF", [local]: undefined });
    expect(loadAddon({}, root).path).toBe(join(root, local));
    const files = { [local]: "not ELF", [prebuilt]: undefined, "CMakeLists.txt": "" };
    const checkout = packageWith("broken build", files);
    expect(loadAddon({}, checkout).path).toBe(join(checkout, prebuilt));
  });

  it("loads what NABLA_ADDON names, relative to the working directory too", () => {
    const file = join(packageWith("override #1", { "my.node": undefined }), "my.node");
    expect(loadAddon({ NABLA_ADDON: file }, folder).path).toBe(file);
    expect(loadAddon({ NABLA_ADDON: relative(process.cwd(), file) }, folder).path).toBe(file);
  });

  it("names every place tried, why each failed and the mend: a package that is not whole", () => {
    const root = packageWith("nothing", { "package.json": "{}" });
    const error = failure({}, root);
    expect(error.code).toBe("NATIVE");
    expect(error.message.split("\n")).toEqual([
      `native addon: none could be loaded for ${platformName()} (Node ${process.versions.node}), tried:`,
      `  ${join(root, prebuilt)}: no such file`,
      `  ${join(root, local)}: no such file`,
      "The package is not whole, it holds no binary: install it again.",
    ]);
  });

  const build = "build nabla in a checkout (`npm run build`) and let NABLA_ADDON name its build/Release/nabla.node.";

  it("names the platforms of the package when this is none of them", () => {
    const files = { "prebuilds/win32-ia32/nabla.node": "", "prebuilds/aix-ppc64/nabla.node": "" };
    expect(failure({}, packageWith("others", files)).message.split("\n").at(-1)).toBe(
      `The package holds binaries for aix-ppc64, win32-ia32 alone: for ${platformName()}, ${build}`,
    );
  });

  it("tells what else there is to do when the shipped binary does not load", () => {
    const { message } = failure({}, packageWith("unfit", { [prebuilt]: "not ELF" }));
    expect(message.split("\n").at(-1)).toBe(
      `Install the package again; if this binary is not for this system, ${build}`,
    );
  });

  it("says why a corrupt file does not load, and that a checkout needs a build", () => {
    const root = packageWith("corrupt #2", { "CMakeLists.txt": "", [prebuilt]: "not a shared library" });
    const [, missing, tried, mend] = failure({}, root).message.split("\n");
    expect(missing).toBe(`  ${join(root, local)}: no such file`);
    // The reason is the system's own ("invalid ELF header", "file too short"), without the path again.
    expect(tried!.startsWith(`  ${join(root, prebuilt)}: `)).toBe(true);
    const reason = tried!.slice(`  ${join(root, prebuilt)}: `.length);
    expect(reason).not.toBe("");
    expect(reason).not.toMatch(/no such file|nabla\.node/);
    expect(mend).toBe("This is a checkout: build the addon with `npm run build`.");
  });

  it("tries no other place when NABLA_ADDON is wrong", () => {
    const root = packageWith("good", { [prebuilt]: undefined });
    const missing = join(folder, "missing.node");
    const lines = failure({ NABLA_ADDON: missing }, root).message.split("\n");
    expect(lines.slice(1)).toEqual([
      `  ${missing}: no such file`,
      "NABLA_ADDON is set, so no other place was tried: mend its value or unset it.",
    ]);
  });
});

describe("loadCudaAddon", () => {
  const builtCuda = "build/Release/nabla_cuda.node";
  const installed = "node_modules/nabla-cuda-linux-x64/nabla_cuda.node";
  const manifest = { "node_modules/nabla-cuda-linux-x64/package.json": "{}", "package.json": "{}" };

  it("loads what NABLA_CUDA_ADDON names, and nothing else", () => {
    const addon = loadCudaAddon({ NABLA_CUDA_ADDON: fakeCuda }, folder);
    expect(addon).toMatchObject({ path: fakeCuda });
    const root = packageWith("cuda override", { [builtCuda]: undefined });
    expect(loadCudaAddon({ NABLA_CUDA_ADDON: "/nowhere/cuda.node" }, root)).toBe(
      "NABLA_CUDA_ADDON names /nowhere/cuda.node, which does not load: no such file",
    );
  });

  it.skipIf(platformName() !== "linux-x64-glibc")("finds the package that is installed beside this one", () => {
    const files = { ...manifest, [installed]: undefined };
    const root = packageWith("cuda package", files);
    expect(loadCudaAddon({}, root)).toMatchObject({ path: join(root, installed) });
    const nested = packageWith("cuda package/node_modules/nabla", { "package.json": "{}" });
    expect(loadCudaAddon({}, nested)).toMatchObject({ path: join(root, installed) });
  });

  it("prefers a local build", () => {
    const root = packageWith("cuda both", { ...manifest, [installed]: undefined, [builtCuda]: undefined });
    expect(loadCudaAddon({}, root)).toMatchObject({ path: join(root, builtCuda) });
  });

  it("says in a sentence why there is none", () => {
    const none = packageWith("cuda none", { "package.json": "{}" });
    expect(loadCudaAddon({}, none)).toBe(
      platformName() === "linux-x64-glibc"
        ? "the package nabla-cuda-linux-x64 is not installed: npm install nabla-cuda-linux-x64"
        : `CUDA is for linux-x64-glibc alone: this is ${platformName()}`,
    );
    const broken = packageWith("cuda broken", { [builtCuda]: "not ELF" });
    expect(loadCudaAddon({}, broken)).toMatch(/nabla_cuda\.node does not load: .*(invalid ELF|too short)/);
  });
});
