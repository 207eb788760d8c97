// `npm run docs`: writes docs/operators.md, the reference of all functions on tensors, from the doc comments of the
// sources, and the site of all pages and of everything that is exported into docs/api/ (not in git).
// `--check` only compares docs/operators.md with what it would write.
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { format, resolveConfig } from "prettier";
import { Application, Converter } from "typedoc";
import { Failure, root, run } from "./lib.mjs";
import { reference } from "./reference.mjs";

const file = join(root, "docs/operators.md");

/** In docs/guides/, in the order of the menu. */
const GUIDES = [
  "getting-started",
  "tensors-and-autograd",
  "layers-and-training",
  "data-and-callbacks",
  "training-loops",
  "saving-and-loading",
  "pretrained-models",
  "performance",
  "cuda",
  "coming-from-keras",
  "coming-from-pytorch",
  "coming-from-tfjs",
  "troubleshooting",
];
/** In docs/. */
const PAGES = [
  "operators",
  "dtypes",
  "architecture",
  "kernels",
  "cuda",
  "cuda-roofline",
  "benchmarks",
  "dependencies",
  "platforms",
  "releasing",
];

/** The Markdown files of a folder: those named, of which none may be missing, in this order. */
function pagesIn(folder, names) {
  const files = names.map((name) => `${name}.md`);
  const there = readdirSync(join(root, folder)).filter((name) => name.endsWith(".md"));
  const differing = [
    ...files.filter((name) => !there.includes(name)),
    ...there.filter((name) => !files.includes(name)),
  ];
  if (differing.length > 0) throw new Failure(`docs: ${folder} and scripts/docs.mjs differ: ${differing.join(", ")}`);
  return files.map((name) => join(root, folder, name));
}

await run(async () => {
  const check = process.argv.includes("--check");
  const app = await Application.bootstrap({
    entryPoints: [join(root, "src/ts/index.ts")],
    tsconfig: join(root, "tsconfig.json"),
    excludeInternal: true,
    excludePrivate: true,
    readme: join(root, "README.md"),
    projectDocuments: [
      ...pagesIn("docs/guides", GUIDES),
      ...pagesIn("docs", PAGES),
      ...["CHANGELOG", "CONTRIBUTING", "SECURITY"].map((name) => join(root, `${name}.md`)),
    ],
    name: "nabla",
    sort: ["source-order"],
    // Beside the pages, not in a module of their own.
    alwaysCreateEntryPointModule: false,
    navigation: { includeGroups: true },
    disableGit: true,
    sourceLinkTemplate: "{path}",
    logLevel: "Error",
    // `npm run check` has a step for the types.
    skipErrorChecking: true,
  });
  // Otherwise documents have the names of their files.
  app.converter.on(Converter.EVENT_CREATE_DOCUMENT, (_context, document) => {
    const text = document.content.map((part) => part.text).join("");
    document.name = /^# (.*)$/m.exec(text)?.[1] ?? document.name;
  });
  const project = await app.convert();
  if (!project) throw new Failure("docs: the sources cannot be read: run npm run check");
  const text = await format(reference(project), { ...(await resolveConfig(file)), filepath: file });
  if (check) {
    const current = existsSync(file) ? readFileSync(file, "utf8") : "";
    if (current !== text) throw new Failure("docs/operators.md is out of date: run npm run docs");
    return;
  }
  writeFileSync(file, text);
  await app.generateDocs(project, join(root, "docs/api"));
});
