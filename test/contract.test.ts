import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { describe, expect, test } from "vitest";
import "nabla";
import { loadAddon } from "../src/ts/native/load.js";
import { registry } from "../src/ts/op.js";
import { readFixtures } from "./fixtures/torch/fixtures.js";
import { withoutFixture } from "./fixtures/torch/without.js";
import { opNames } from "./support/fuzz.js";

const root = new URL("../", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), "utf8");
const exists = (path: string): boolean => existsSync(new URL(path, root));

/** Kernel names in the order of the native lists: elementwise.def, then ops.def. */
function rows(): string[] {
  const list = ["elementwise.def", "ops.def"].flatMap((file) =>
    read(`native/core/${file}`)
      .split("\n")
      .map((line) => /^NABLA_\w+\((\w+)/.exec(line)?.[1])
      .filter((name) => name !== undefined),
  );
  expect(list.length).toBeGreaterThan(50);
  return list;
}

/** Folders of sources that register ops, and where their tests lie. */
const folders = [
  { sources: "src/ts/ops", tests: "test/ops", tables: true },
  { sources: "src/ts/optimizers", tests: "test/optimizers", tables: false },
];

interface Home {
  readonly file: string;
  readonly stem: string;
  readonly tests: string;
  readonly tables: boolean;
}

/** Where each op is registered: `define…("name"` or `name: "name"` in one file. */
function homes(): Map<string, Home> {
  const found = new Map<string, Home>([
    ["copy", { file: "src/ts/op.ts", stem: "copy", tests: "test/ops", tables: true }],
  ]);
  for (const { sources, tests, tables } of folders) {
    for (const entry of readdirSync(new URL(sources, root))) {
      const file = `${sources}/${entry}`;
      for (const [, name] of read(file).matchAll(/(?:\bdefine\w+(?:<.*?>)?\(\s*|\bname: )"(\w+)"/g)) {
        expect(found.get(name!)?.file ?? file, `${name} is registered in one file`).toBe(file);
        found.set(name!, { file, stem: entry.replace(/\.ts$/, ""), tests, tables });
      }
    }
  }
  return found;
}

describe("the lists agree", () => {
  test("the addon was built from these lists", () => {
    expect(loadAddon().info().ops).toEqual(rows());
  });
  test("every kernel is used by an op, and every op has its kernel", () => {
    const kernels = new Set(rows());
    const used = new Set<string>();
    for (const [name, { definition }] of registry) {
      if ("view" in definition) continue;
      const kernel = ("kernel" in definition && definition.kernel) || name;
      expect(kernels.has(kernel), `${name} has a kernel`).toBe(true);
      used.add(kernel);
    }
    expect([...kernels].filter((kernel) => !used.has(kernel))).toEqual([]);
  });
});

describe("every op", () => {
  const all = homes();
  test("there are ops", () => expect(registry.size).toBeGreaterThan(60));

  test.each([...registry.keys()])("%s has its files", (name) => {
    const home = all.get(name);
    expect(
      home,
      `${name} is registered under its own name in a file of ${folders.map((f) => f.sources).join(", ")}`,
    ).toBeDefined();
    const { stem, tests, tables } = home!;
    if (tables) {
      expect(exists(`${tests}/${stem}.test.ts`), `${tests}/${stem}.test.ts`).toBe(true);
      expect(exists(`test/cases/${stem}.ts`), `test/cases/${stem}.ts`).toBe(true);
      expect(exists(`test/reference/${stem}.ts`), `test/reference/${stem}.ts`).toBe(true);
    } else {
      const texts = readdirSync(new URL(tests, root)).map((file) => read(`${tests}/${file}`));
      expect(
        texts.some((text) => text.toLowerCase().includes(stem)),
        `${tests} mentions ${stem}`,
      ).toBe(true);
    }
  });
});

describe("every exported op has a fixture of PyTorch, or a reason why not", () => {
  const cases = [...readFixtures().values()].flatMap((fixture) => fixture.cases);
  test("there are ops and cases", () => {
    expect(opNames.length).toBeGreaterThan(100);
    expect(cases.length).toBeGreaterThan(300);
  });
  test.each(opNames)("%s", (name) => {
    const own = cases.filter(({ op }) => op === name);
    if (name in withoutFixture) expect(own, "it is in one list only").toEqual([]);
    else expect(own.length, "cases").toBeGreaterThan(0);
  });
  test("where PyTorch has gradients, so has the fixture", () => {
    const differentiable = cases.filter(({ gradients }) => gradients.some((gradient) => gradient !== null));
    expect(new Set(differentiable.map(({ op }) => op)).size).toBeGreaterThan(80);
  });
  test("the reasons are for ops that are there", () => {
    expect(Object.keys(withoutFixture).filter((name) => !opNames.includes(name))).toEqual([]);
  });
  test("the files are small", () => {
    const folder = new URL("test/fixtures/", root);
    const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".json"));
    const bytes = files.map((file) => statSync(new URL(file, folder)).size).reduce((a, b) => a + b, 0);
    expect(bytes).toBeGreaterThan(100_000);
    expect(bytes).toBeLessThan(2 ** 20);
  });
});

describe("every exported function of src/ts/ops has a doc comment", () => {
  const files = readdirSync(new URL("src/ts/ops", root));
  test("there are files", () => expect(files.length).toBeGreaterThan(20));

  test.each(files)("%s", (file) => {
    const lines = read(`src/ts/ops/${file}`).split("\n");
    const bare: string[] = [];
    let documented = "";
    let looked = 0;
    lines.forEach((line, i) => {
      const name = /^export (?:function|const) (\w+)/.exec(line)?.[1];
      if (name === undefined) return;
      looked++;
      // The overloads of a function share the comment of the first.
      if (lines[i - 1]?.trimEnd().endsWith("*/")) documented = name;
      else if (documented !== name) bare.push(name);
    });
    expect(bare).toEqual([]);
    expect(looked).toBeGreaterThan(0);
  });
});
