// The pages of documentation: their code is checked as a user's compiler does and runs, prints what the pages say, and
// links lead somewhere. How pages are read: test/support/pages.ts.
import "./support/cuda.js";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { format } from "node:util";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import * as nabla from "nabla";
import {
  DistilBertModel,
  Sequential,
  applications,
  images,
  initializers,
  io,
  layers,
  losses,
  metrics,
  optimizers,
  rand,
  zeros,
} from "nabla";
import { info } from "../src/ts/cli/info.js";
import { NativeError } from "../src/ts/errors.js";
import { loadAddon, platformName } from "../src/ts/native/load.js";
import { commitOf, fakeHub } from "./support/hub.js";
import {
  PRINTER,
  printed,
  programsOf,
  tableExpressions,
  typeErrors,
  type Expectation,
  type Program,
} from "./support/pages.js";
import { workFolder } from "./support/safetensors.js";

const root = fileURLToPath(new URL("..", import.meta.url)).replace(/[\\/]$/, "");
const read = (page: string): string => readFileSync(join(root, page), "utf8");
const pagesIn = (folder: string): string[] =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith(".md"))
    .map((name) => (folder === "." ? name : `${folder}/${name}`));

const guides = pagesIn("docs/guides");
const withCode = ["README.md", "docs/dtypes.md", "docs/cuda.md", ...guides];
const withTables = guides.filter((page) => page.includes("/coming-from-"));
const everyPage = [...pagesIn("."), ...pagesIn("docs"), ...guides];

const programs = withCode.flatMap((page) => programsOf(page, read(page)));
const moduleOf = ({ page, line }: Program): string => `${page.replace(/\W/g, "_")}_${line}`;
const titleOf = ({ page, line }: Program): string => `${page}:${line}`;

const hub = fakeHub();
const { folder, at } = workFolder();
const MODEL = "distilbert-base-uncased";

/** The files that programs of the pages read: what a user brings. */
beforeAll(async () => {
  await images.save(at("photo.jpg"), rand([48, 64, 3]).mul(255));
  const vgg = await applications.VGG16({ includeTop: false, inputShape: [32, 32, 3] });
  await vgg.saveWeights(at("vgg16.safetensors"));
  const small = new Sequential([
    new layers.Conv2D({ filters: 4, kernelSize: 3, activation: "relu", inputShape: [8, 8, 3] }),
    new layers.Flatten(),
    new layers.Dense({ units: 2, activation: "softmax" }),
  ]);
  mkdirSync(at("mobilenet"));
  await io.saveLayersModel(small, at("mobilenet"));
  // Without a head, as the real one.
  const bert = new DistilBertModel({ nLayers: 1, nHeads: 2, dim: 16, hiddenDim: 32 });
  bert.apply(zeros([1, 4], { dtype: "int32" }));
  await bert.savePretrained(at("hub"));
  const words = "[PAD] [UNK] [CLS] [SEP] [MASK] a good film . not at all the was";
  writeFileSync(at("hub/vocab.txt"), words.replaceAll(" ", "\n"));
  writeFileSync(at("hub/tokenizer_config.json"), '{"do_lower_case":true,"model_max_length":512}');
});

const cwd = process.cwd();
beforeEach(() => {
  const files = Object.fromEntries(readdirSync(at("hub")).map((name) => [name, readFileSync(at(`hub/${name}`))]));
  hub.models[MODEL] = { commit: commitOf("pages"), files };
  process.chdir(folder);
});
afterEach(() => {
  process.chdir(cwd);
  vi.restoreAllMocks();
});
afterAll(() => {
  delete (globalThis as Record<string, unknown>)[PRINTER];
});

/** What a program prints: by the lines of its calls of `console.log`, and by its blocks. */
async function run(program: Program): Promise<{ calls: Map<number, string>; blocks: Map<number, string> }> {
  const [calls, blocks] = [new Map<number, string>(), new Map<number, string>()];
  let block = 0;
  const print = (...values: unknown[]): string => {
    const text = `${format(...values)}\n`;
    blocks.set(block, (blocks.get(block) ?? "") + text);
    return text;
  };
  (globalThis as Record<string, unknown>)[PRINTER] = {
    begin: (line: number) => void (block = line),
    at:
      (line: number) =>
      (...values: unknown[]) =>
        void calls.set(line, (calls.get(line) ?? "") + print(...values)),
  };
  for (const method of ["log", "warn"] as const)
    vi.spyOn(console, method).mockImplementation((...v) => void print(...v));
  const file = at(`${moduleOf(program)}.ts`);
  writeFileSync(file, program.observed);
  await import(/* @vite-ignore */ file);
  return { calls, blocks };
}

describe("programs", () => {
  it("are on every page of code and every guide", () => {
    const without = withCode.filter(
      (page) => !withTables.includes(page) && !programs.some((each) => each.page === page),
    );
    expect(without).toEqual([]);
    expect(guides.length).toBeGreaterThanOrEqual(12);
    expect(programs.length).toBeGreaterThan(35);
    expect(programs.flatMap(({ prints }) => prints).length).toBeGreaterThan(60);
    expect(programs.flatMap(({ outputs }) => outputs).length).toBeGreaterThan(0);
  });

  it.each(programs.map((program) => [titleOf(program), program] as const))("%s", async (_, program) => {
    const { calls, blocks } = await run(program);
    const compare = (said: readonly Expectation[], actual: ReadonlyMap<number, string>): object[] =>
      said
        .map(({ line, text }) => ({ line, said: text, actual: actual.get(line) ?? "" }))
        .filter((each) => !printed(each.said, each.actual));
    expect([...compare(program.prints, calls), ...compare(program.outputs, blocks)]).toEqual([]);
  });
});

describe("a strict compiler", () => {
  const preamble =
    `import { ${Object.keys(nabla).join(", ")} } from "nabla"; ` +
    "declare const x: Tensor, y: Tensor, a: Tensor, b: Tensor, loss: Tensor; " +
    "declare const model: Model, layer: layers.Dense, optimizer: optimizers.Adam;";
  const tables = withTables.map((page) => ({ page, ...tableExpressions(read(page)) }));
  const wrongTable = ["| tfjs | nabla |", "| --- | --- |", "| `tf.tensor` | `tensor`, `tensr` |", "| b | `add` |"];
  const wrong = {
    wrong_table: preamble + tableExpressions(wrongTable.join("\n")).source,
    wrong_program: 'import { tensor } from "nabla";\nconst s: string = tensor(1);\n',
  };
  let errors: string[] = [];
  beforeAll(() => {
    errors = typeErrors(root, {
      ...Object.fromEntries(programs.map((program) => [moduleOf(program), program.source])),
      ...Object.fromEntries(tables.map(({ page, source }) => [page, preamble + source])),
      ...wrong,
    });
  }, 300_000);

  it("takes every program, and every name in the tables", () => {
    expect(tables.map(({ page }) => page)).toHaveLength(3);
    expect(Math.min(...tables.map(({ count }) => count))).toBeGreaterThan(80);
    expect(errors.filter((error) => !error.startsWith("wrong_"))).toEqual([]);
  });

  it("would find a wrong type, and a name that does not exist", () => {
    expect(errors.filter((error) => error.startsWith("wrong_"))).toEqual([
      "wrong_table:3: Cannot find name 'tensr'. Did you mean 'tensor'?",
      expect.stringMatching(
        /^wrong_program:2: Type 'Tensor<"float32", 0>' is not assignable to type 'string'/,
      ) as string,
    ]);
  });
});

describe("pages are read so that a wrong one is found", () => {
  const page = (...lines: string[]): string => lines.join("\n");
  const fence = "```";
  const code = page(
    `${fence}ts`,
    'import { tensor } from "nabla";',
    "const x = tensor([1]);",
    "console.log(x.shape); // [ 1 ]",
    fence,
    "",
    `${fence}ts`,
    "console.log(x);",
    "// Tensor",
    "// of one",
    fence,
    `${fence}text`,
    "Tensor …",
    fence,
  );

  it("finds programs, what they print, and their lines", () => {
    const [program, ...others] = programsOf("p.md", code);
    expect(others).toEqual([]);
    expect(program).toMatchObject({
      line: 1,
      prints: [
        { line: 4, text: "[ 1 ]" },
        { line: 8, text: "Tensor\nof one" },
      ],
      outputs: [{ line: 7, text: "Tensor …" }],
    });
    expect(program!.source.split("\n")[7]).toBe("console.log(x);");
    expect(program!.observed.split("\n")[7]).toBe("__printer.begin(7); __printer.at(8)(x);");
  });

  it.each([
    [
      "a language that would escape",
      `${fence}js\n1;\n${fence}`,
      /p.md:1: a block begins with "```js", expected one of ts/,
    ],
    ["an indented block", `- ${fence}ts`.replace("- ", "  "), /p.md:1: a block begins with " {2}```ts"/],
    ["a block without an end", `${fence}ts\nimport "nabla";`, /p.md: a block has no end/],
    ["a first block that goes on", `${fence}ts\n1;\n${fence}`, /p.md:1: the first block has no imports/],
    ["an output of nothing", `${fence}text\n1\n${fence}`, /p.md:1: no code is before this output/],
  ])("refuses %s", (_, text, message) => {
    expect(() => programsOf("p.md", text)).toThrow(message);
  });

  it.each<[string, string, boolean]>([
    ["[ 1 ]", "[ 1 ]\n", true],
    ["[ 1 ]", "[ 2 ]\n", false],
    ["[ 1 ]", "", false],
    ["loss: 0.…", "loss: 0.25\n", true],
    ["loss: 0.…", "loss: 1.25\n", false],
    ["a\n…\nb", "a\n1\n2\nb\n", true],
    ["a\n…\nb", "a\n1\n2\nc\n", false],
    ["a", "a\nb\n", false],
  ])("compares %j with %j", (expected, actual, same) => {
    expect(printed(expected, actual)).toBe(same);
  });
});

describe("links", () => {
  /** As GitHub makes them of headings. */
  const anchorsOf = (page: string): string[] =>
    [...read(page).matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
      title!
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, "")
        .replaceAll(" ", "-"),
    );

  it.each(everyPage)("of %s lead to files and headings that exist", (page) => {
    const text = read(page).replace(/^```[^]*?^```|`[^`\n]*`/gm, "");
    const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!);
    const broken = targets.filter((target) => {
      if (/^https?:/.test(target)) return false;
      const [path, anchor] = target.split("#") as [string, string?];
      const file = path === "" ? page : join(dirname(page), path);
      return !existsSync(join(root, file)) || (anchor !== undefined && !anchorsOf(file).includes(anchor));
    });
    expect(broken).toEqual([]);
  });

  it("lead from the README to every guide", () => {
    expect(guides.filter((guide) => !read("README.md").includes(`](${guide})`))).toEqual([]);
  });
});

describe("layers and training", () => {
  const guide = read("docs/guides/layers-and-training.md");
  const small = (name: string): string => name.charAt(0).toLowerCase() + name.slice(1);
  /** The classes of a module that can be made, as the guide spells them. */
  const namesOf = (module: object, base: abstract new (...options: never[]) => object, spell = small): string[] =>
    Object.entries(module)
      .filter(
        ([name, value]) => typeof value === "function" && value.prototype instanceof base && name !== "RecurrentLayer",
      )
      .map(([name]) => spell(name));

  it.each([
    ["layer", 45, namesOf(layers, layers.Layer, String)],
    ["loss", 5, namesOf(losses, losses.Loss)],
    ["metric", 6, namesOf(metrics, metrics.Metric)],
    ["optimizer", 9, namesOf(optimizers, optimizers.Optimizer, (name) => name.toLowerCase())],
    ["schedule", 5, namesOf(optimizers.schedules, optimizers.schedules.LearningRateSchedule, String)],
    ["initializer", 15, namesOf(initializers, initializers.Initializer)],
  ])("names every %s", (_, least, names) => {
    expect(names.length).toBeGreaterThanOrEqual(least);
    expect(names.filter((name) => !guide.includes(`\`${name}\``))).toEqual([]);
  });
});

describe("what pages say of the environment and of messages", () => {
  it("the variables exist, and troubleshooting names all of them", () => {
    const sources = readdirSync(join(root, "src/ts"), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts"))
      .map((name) => read(`src/ts/${name}`))
      .join("\n");
    const variablesOf = (text: string): string[] =>
      [...new Set(text.match(/\bNABLA_[A-Z0-9]+(?:_[A-Z0-9]+)*\b/g))].sort();
    const known = variablesOf([...sources.matchAll(/"(NABLA_\w+)"/g)].map(([, name]) => name).join(" "));
    expect(known.length).toBeGreaterThan(8);
    expect(variablesOf(read("docs/guides/troubleshooting.md"))).toEqual(known);
    const mentioned = ["README.md", ...guides].flatMap((page) => variablesOf(read(page)));
    expect(mentioned.filter((name) => !known.includes(name))).toEqual([]);
  });

  it("the lines of nabla info that troubleshooting points to are there", async () => {
    const named = [...read("docs/guides/troubleshooting.md").matchAll(/line `(\w+)`|`(\w+)` what your CPU/g)].map(
      ([, line, other]) => line ?? other!,
    );
    expect([...new Set(named)].sort()).toEqual(["CUDA", "ISA", "threads"]);
    let text = "";
    vi.spyOn(process.stdout, "write").mockImplementation((part) => ((text += String(part)), true));
    await info(false);
    vi.restoreAllMocks();
    for (const name of named) expect(text).toMatch(new RegExp(`^${name} `, "m"));
  });

  it("the loader's error begins as troubleshooting shows it", () => {
    let error: unknown;
    try {
      loadAddon({}, at("no package"));
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(NativeError);
    const first = (error as Error).message.split("\n")[0]!;
    const shown = first.replace(platformName(), "linux-riscv64-glibc").replace(process.versions.node, "20.19.0");
    expect(read("docs/guides/troubleshooting.md")).toContain(`NativeError: ${shown}`);
  });

  it("the version of both packages is the newest of the changelog", () => {
    const { version } = JSON.parse(read("package.json")) as { version: string };
    const cuda: unknown = JSON.parse(read("packages/nabla-cuda-linux-x64/package.json"));
    expect(cuda).toMatchObject({ version, peerDependencies: { nabla: version } });
    expect(/^## (\d\S*)/m.exec(read("CHANGELOG.md"))?.[1]).toBe(version);
  });
});
