// native/binding.gyp against CMakeLists.txt: both build the addon of the CPU, of the same sources with the same flags.
// `npm run check:gyp` builds it in truth, which takes minutes.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const gyp = readFileSync(join(root, "native/binding.gyp"), "utf8");
const cmake = readFileSync(join(root, "CMakeLists.txt"), "utf8");

/** The lists of CMakeLists.txt that binding.gyp reads. */
const read = [...new Set(Array.from(gyp.matchAll(/<\(list\) (\w+)/g), ([, name]) => name!))];
/** What a command of scripts/cmake-list.mjs prints there, by lines. */
const list = (name: string): string[] =>
  execFileSync(process.execPath, [join(root, "scripts/cmake-list.mjs"), name], {
    encoding: "utf8",
    stdio: "pipe",
    cwd: root,
  })
    .trim()
    .split("\n");

it("reads all lists that the addon of the CPU is built of", () => {
  const lists = Array.from(cmake.matchAll(/\bset\((NABLA_\w+)\s+(?=[\w.$-])/g), ([, name]) => name!);
  const others = /^NABLA_(CUDA|ISAS|ENGINE_OBJECTS)/; // what binding.gyp leaves out, or says in its own words
  expect(read.sort()).toEqual([...new Set(lists.filter((name) => !others.test(name)))].sort());
});

it("has every source of the addon of the CPU once", () => {
  const sources = ["NABLA_CORE", "NABLA_CPU_BASE", "NABLA_BINDING", "NABLA_CPU_KERNELS"].flatMap(list);
  const found = ["core", "cpu", "binding"].flatMap((folder) =>
    readdirSync(join(root, "native", folder), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".cc") && !/cuda/.test(file))
      .map((file) => `native/${folder}/${file}`),
  );
  expect(found.length).toBeGreaterThan(50);
  expect(sources.sort()).toEqual(found.sort());
  // Of a source above binding.gyp, the targets would overwrite each other's object.
  expect(Array.from(gyp.matchAll(/"sources": \[([^\]]*)\]/g), ([, paths]) => paths).join("")).not.toContain("..");
});

it("compiles the kernels for each instruction set that has flags, with them", () => {
  const withFlags = Array.from(cmake.matchAll(/\bset\(NABLA_FLAGS_(\w+) -/g), ([, isa]) => isa!);
  expect(withFlags.length).toBeGreaterThan(1);
  for (const isa of withFlags) {
    const target = new RegExp(
      `"target_name": "kernels_${isa}"[^}]*NABLA_ISA_${isa.toUpperCase()}[^}]*NABLA_FLAGS_${isa}\\)`,
    );
    expect(gyp).toMatch(target);
    expect(gyp).toContain(`NABLA_HAS_${isa.toUpperCase()}`);
  }
});

it("says which list is not there", () => {
  expect(() => list("NABLA_NOTHING")).toThrow(/CMakeLists\.txt: no set\(NABLA_NOTHING \.\.\.\) with words in it/);
});

it("does not lie where npm would run it on every user's machine", () => {
  expect(existsSync(join(root, "binding.gyp"))).toBe(false);
});
