// `npm run docs`: writes docs/operators.md, the reference of all functions on tensors, from the doc comments of the
// sources, and the pages of everything that is exported into docs/api/ (not in git).
// `--check` only compares docs/operators.md with what it would write.
import { readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { Application, ReflectionKind } from "typedoc";
import { format, resolveConfig } from "prettier";
import { Failure, root, run } from "./lib.mjs";

const file = join(root, "docs/operators.md");

/** The chapters, and the files of src/ts whose functions they hold. */
const chapters = {
  Creation: ["creation", "eye", "linspace", "oneHot", "fromBuffer"],
  "Random numbers": ["random", "bernoulli", "shuffle", "permutation"],
  "Elementwise arithmetic": ["binary", "unary", "cast", "assign"],
  "Comparison and logic": ["compare", "where"],
  Activations: ["activation", "softmax", "dropout"],
  Reductions: ["reduce", "variance", "logSumExp", "norm", "cumSum"],
  Sorting: ["sort"],
  Shape: ["reshape", "transpose", "broadcast", "concat", "split", "tile", "pad", "flip", "roll", "tril"],
  Indexing: ["slice", "index", "gather", "takeAlongAxis", "embedding"],
  "Linear algebra": ["matmul", "dot", "outer", "einsum"],
  "Convolution, pooling and resizing": [
    "conv1d",
    "conv2d",
    "depthwiseConv2d",
    "convTranspose2d",
    "maxPool2d",
    "avgPool2d",
    "globalAvgPool2d",
    "resize2d",
  ],
  Normalization: ["layerNorm", "rmsNorm", "groupNorm", "batchNorm"],
  Losses: ["softmaxCrossEntropy"],
  Autograd: ["autograd", "grad", "customGrad", "checkGradients", "anomaly"],
};

await run(async () => {
  const check = process.argv.includes("--check");
  const app = await Application.bootstrap({
    entryPoints: [join(root, "src/ts/index.ts")],
    tsconfig: join(root, "tsconfig.json"),
    excludeInternal: true,
    excludePrivate: true,
    readme: join(root, "README.md"),
    name: "nabla",
    disableSources: false,
    disableGit: true,
    sourceLinkTemplate: "{path}",
    logLevel: "Error",
    validation: false,
  });
  const project = await app.convert();
  if (!project) throw new Failure("docs: the sources have errors: run npm run check");
  const text = await format(reference(project), { ...(await resolveConfig(file)), filepath: file });
  if (check) {
    if (readFileSync(file, "utf8") !== text) throw new Failure("docs/operators.md is out of date: run npm run docs");
    return;
  }
  writeFileSync(file, text);
  await app.generateDocs(project, join(root, "docs/api"));
});

function reference(project) {
  const functions = project.children.filter(
    (child) => child.kind === ReflectionKind.Function && /\/(ops|ts)\/[^/]+$/.test(child.sources[0].fullFileName),
  );
  const stemOf = (child) => basename(child.sources[0].fileName, ".ts");
  const known = new Set(Object.values(chapters).flat());
  const lost = functions.filter(
    (child) => child.sources[0].fullFileName.includes("/ops/") && !known.has(stemOf(child)),
  );
  if (lost.length > 0) {
    const names = lost.map((child) => `${child.name} (${stemOf(child)}.ts)`).join(", ");
    throw new Failure(`scripts/docs.mjs: these functions belong to no chapter: ${names}`);
  }
  const methods = new Set(project.getChildByName("Tensor").children.map(({ name }) => name));
  const lines = [
    "# Functions on tensors",
    "",
    "Made from the doc comments by `npm run docs`. Functions that begin with a tensor are methods too: `add(a, b)` is `a.add(b)`.",
    "Promotion of dtypes: [dtypes.md](dtypes.md). Where nothing else is said, axes may be negative and count from the end then.",
  ];
  let count = 0;
  for (const [chapter, stems] of Object.entries(chapters)) {
    const members = functions.filter((child) => stems.includes(stemOf(child)));
    members.sort(
      (a, b) => stems.indexOf(stemOf(a)) - stems.indexOf(stemOf(b)) || a.sources[0].line - b.sources[0].line,
    );
    if (members.length === 0) throw new Failure(`scripts/docs.mjs: the chapter ${chapter} has no functions`);
    lines.push("", `## ${chapter}`);
    for (const member of members) lines.push("", ...entry(member, methods));
    count += members.length;
  }
  if (count < 50) throw new Failure(`scripts/docs.mjs: only ${count} functions were found`);
  return `${lines.join("\n")}\n`;
}

/** The chapter's part about one function. */
function entry(member, methods) {
  const signature = member.signatures[0];
  const text = signature.comment ?? member.signatures.find(({ comment }) => comment)?.comment;
  if (!text) throw new Failure(`${member.name}: has no doc comment`);
  const lines = [`### ${member.name}`, "", "```ts"];
  for (const each of member.signatures) lines.push(declaration(member.name, each));
  lines.push("```", "", inline(text.summary));
  const first = signature.parameters?.[0];
  if (first && typeText(first.type) === "Tensor" && !methods.has(member.name)) lines.push("", "Not a method.");
  const named = text.blockTags.filter(({ tag }) => tag === "@param");
  for (const tag of named) lines.push(`- \`${tag.name}\`: ${inline(tag.content)}`);
  for (const tag of text.blockTags.filter(({ tag: name }) => name === "@returns")) {
    lines.push("", `Returns ${inline(tag.content)}`);
  }
  const options = signature.parameters?.flatMap(optionsOf) ?? [];
  if (options.length > 0) lines.push("", "Options:", "");
  for (const option of options) lines.push(`- \`${option.name}\`: ${inline(option.comment.summary)}`);
  const thrown = text.blockTags.filter(({ tag }) => tag === "@throws");
  if (thrown.length > 0) lines.push("", "Throws:", "");
  for (const tag of thrown) lines.push(`- ${inline(tag.content)}`);
  return lines;
}

/** The documented properties of a parameter that is an object of options. */
function optionsOf(parameter) {
  const types = parameter.type?.type === "intersection" ? parameter.type.types : [parameter.type];
  return types
    .flatMap((type) => (type?.type === "reference" ? (type.reflection?.children ?? []) : []))
    .filter((child) => child.kind === ReflectionKind.Property && child.comment);
}

function declaration(name, signature) {
  const parameters = (signature.parameters ?? []).map((parameter) => {
    const rest = parameter.flags.isRest ? "..." : "";
    const optional = parameter.flags.isOptional || parameter.defaultValue !== undefined ? "?" : "";
    return `${rest}${parameter.name}${optional}: ${typeText(parameter.type)}`;
  });
  return `${name}(${parameters.join(", ")}): ${typeText(signature.type)}`;
}

/** A type as a reader wants it: without type parameters, of which only the bounds are shown. */
function typeText(type) {
  if (!type) return "unknown";
  switch (type.type) {
    case "reference": {
      if (["Tensor", "Promoted"].includes(type.name)) return "Tensor";
      const bound = type.reflection?.kind === ReflectionKind.TypeParameter ? type.reflection.type : undefined;
      if (bound) return typeText(bound);
      if (type.refersToTypeParameter) return "unknown";
      return type.name;
    }
    case "union":
      return [...new Set(type.types.map(typeText))].join(" | ");
    case "intersection":
      return typeText(type.types.at(-1));
    case "array":
      return type.elementType.type === "union"
        ? `(${typeText(type.elementType)})[]`
        : `${typeText(type.elementType)}[]`;
    case "typeOperator":
      return typeText(type.target);
    default:
      return String(type);
  }
}

function inline(parts) {
  const text = parts.map((part) => (part.kind === "inline-tag" ? `\`${part.text}\`` : part.text)).join("");
  return text.replace(/\s*\n(?!\n)/g, "\n").trim();
}
