// The text of docs/operators.md, from typedoc's model of the sources.
import { basename } from "node:path";
import { ReflectionKind } from "typedoc";
import { Failure } from "./lib.mjs";
import { declaration, dereference, fieldText, typeText } from "./reference-types.mjs";

/** The chapters, and the files of src/ts and src/ts/ops whose functions they hold. */
const CHAPTERS = {
  Creation: ["creation", "eye", "linspace", "oneHot", "fromBuffer"],
  "Random numbers": ["random"],
  "Elementwise arithmetic": ["binary", "unary", "cast", "assign"],
  "Comparison and logic": ["compare", "where"],
  Activations: ["activation", "softmax", "dropout"],
  Reductions: ["reduce", "variance", "logSumExp", "norm", "cumSum"],
  Sorting: ["sort"],
  "Shapes and order": ["reshape", "transpose", "broadcast", "concat", "split", "tile", "pad", "flip", "tril"],
  Indexing: ["slice", "gather", "takeAlongAxis", "embedding"],
  "Linear algebra": ["matmul", "dot", "einsum"],
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
  "Recurrent networks": ["lstm", "gru", "simpleRnn"],
  Normalization: ["layerNorm", "rmsNorm", "groupNorm", "batchNorm"],
  Attention: ["scaledDotProductAttention"],
  Losses: ["softmaxCrossEntropy"],
  Autograd: ["autograd", "grad", "customGrad", "checkGradients", "anomaly"],
  "Memory and devices": ["memory", "device", "to"],
  "Graphs of layers and saved models": ["inputLayer", "loadModel"],
};

/** What is shown for types whose definition is made for the compiler. */
const DEFINITIONS = {
  TypedArray: "Float32Array | Float64Array | Int32Array | Uint8Array",
};

const stemOf = (child) => basename(child.sources[0].fileName, ".ts");
const fail = (message) => {
  throw new Failure(`scripts/reference.mjs: ${message}`);
};

export function reference(project) {
  const functions = project.getChildrenByKind(ReflectionKind.Function);
  const places = new Map(
    Object.values(CHAPTERS)
      .flat()
      .map((stem, i) => [stem, i]),
  );
  for (const child of functions) {
    if (!places.has(stemOf(child))) fail(`${child.name} (${stemOf(child)}.ts) belongs to no chapter`);
  }
  for (const { name } of project.getChildrenByKind(ReflectionKind.Variable)) {
    fail(`${name} is no function to typedoc: its doc comment needs @function`);
  }
  const tensor = project.getChildByName("Tensor");
  const names = new Set(functions.map(({ name }) => name));
  const own = tensor.children.filter((child) => isPublicMember(child) && !(child.signatures && names.has(child.name)));
  const page = {
    types: new Map(["DType", "NestedArray", "TypedArray"].map((name) => [name, project.getChildByName(name)])),
    // What typedoc shows in the place of DType where the compiler has resolved it.
    dtypes: typeText(project.getChildByName("cast").signatures[0].parameters[1].type, {}),
    bounds: new Map(tensor.typeParameters.map(({ name, default: bound }) => [name, bound])),
    methods: new Set(tensor.children.map(({ name }) => name)),
    anchors: new Set([...names, ...own.filter(({ signatures }) => signatures).map(({ name }) => name)]),
  };
  const lines = [...PREFACE, "", "## The class Tensor", "", ...properties(own, page)];
  for (const member of own.filter(({ signatures }) => signatures)) lines.push("", ...entry(member, page, "x."));
  for (const [chapter, stems] of Object.entries(CHAPTERS)) {
    lines.push("", `## ${chapter}`);
    for (const stem of stems) {
      const listed = functions.filter((child) => stemOf(child) === stem);
      if (listed.length === 0) fail(`${chapter}: ${stem}.ts exports no function`);
      listed.sort((a, b) => a.sources[0].line - b.sources[0].line);
      for (const child of listed) lines.push("", ...entry(child, page));
    }
  }
  lines.push("", "## Types", "", ...typeList(page));
  return `${lines.join("\n")}\n`;
}

const PREFACE = [
  "# Functions on tensors",
  "",
  "Made from the doc comments by `npm run docs`. A function that begins with a tensor is a method too: `add(a, b)` is",
  "`a.add(b)`. Where nothing else is said, negative axes count from the end. Promotion of dtypes: [dtypes.md](dtypes.md).",
  "",
  "Besides the errors that are listed, every function throws an `ArgumentError` for an argument of another kind, a disposed",
  "tensor or an unknown option, and a `DeviceError` for a tensor of another thread, and for tensors of several devices. An",
  "`IndexError` of the next wait is thrown by the next read of a value.",
];

function isPublicMember({ name, kind }) {
  return kind !== ReflectionKind.Constructor && !name.startsWith("[");
}

/** Those of the members that are no methods. */
function properties(members, page) {
  return members
    .filter(({ signatures }) => !signatures)
    .map((member) => {
      const { comment, type } = member.getSignature ?? member;
      if (!comment) fail(`Tensor.${member.name} has no doc comment`);
      const writable = member.flags.isReadonly || (member.getSignature && !member.setSignature) ? "" : " Can be set.";
      return `- \`${member.name}: ${typeText(type, page)}\`. ${item(comment.summary, page)}${writable}`;
    });
}

/** The part about one function. */
function entry(member, page, owner = "") {
  const { name, signatures } = member;
  const comment = signatures.find((signature) => signature.comment)?.comment;
  if (!comment) fail(`${name} has no doc comment`);
  const declarations = new Set(signatures.map((signature) => owner + name + declaration(signature, page)));
  const shown = [...declarations].filter((text) => {
    const general = text.replace("options:", "options?:");
    return general === text || !declarations.has(general);
  });
  const lines = [`### ${name}`, "", "```ts", ...shown, "```", "", prose(comment.summary, page)];
  const first = signatures[0].parameters?.[0];
  if (first?.type.name === "Tensor" && !page.methods.has(name)) lines.push("", "It is not a method.");
  const list = (title, items) => {
    if (items.length > 0) lines.push("", title, "", ...items.map((text) => `- ${text}`));
  };
  const parameters = signatures[0].parameters ?? [];
  const described = parameters.filter((parameter) => parameter.comment);
  list(
    "Parameters:",
    described.map((parameter) => `\`${parameter.name}\`: ${item(parameter.comment.summary, page)}`),
  );
  const tags = (wanted) =>
    comment.blockTags.filter(({ tag }) => tag === wanted).map(({ content }) => item(content, page));
  for (const text of tags("@returns")) lines.push("", `Returns ${text}`);
  for (const parameter of parameters) {
    list(
      parameter.name === "options" ? "Options:" : `Parts of \`${parameter.name}\`:`,
      fieldsOf(parameter).map((field) => {
        const text = field.comment ?? field.signatures?.[0].comment;
        if (!text) fail(`${field.parent.name}.${field.name} has no doc comment`);
        return `\`${fieldText(field, page)}\`. ${item(text.summary, page)}`;
      }),
    );
  }
  list(
    "Throws:",
    tags("@throws").map((text) => {
      if (!/^\w+Error(, \w+Error)* \w/.test(text)) fail(`${name}: @throws does not say when: ${text}`);
      return text.replace(/\b[A-Z]+[A-Za-z]*Error\b/g, "`$&`");
    }),
  );
  return lines;
}

/** The properties of a parameter that is an object of options. */
function fieldsOf({ type }) {
  const given = type.type === "intersection" ? type.types : [type];
  return given
    .map(dereference)
    .flatMap(({ children = [], kind }) => (kind === ReflectionKind.Interface ? children : []));
}

/** The types that the reference names. */
function typeList(page) {
  const lines = [];
  // Printing one may add others.
  for (const [name, { type, children, comment }] of page.types) {
    let text = DEFINITIONS[name];
    if (name === "DType") text = page.dtypes;
    else if (children) text = `{ ${children.map((child) => fieldText(child, page)).join("; ")} }`;
    else text ??= typeText(type, page);
    if (!comment) fail(`${name} has no doc comment`);
    lines.push(`- \`${name}\`: \`${text}\`. ${item(comment.summary, page)}`);
    for (const child of children ?? []) {
      if (child.comment) lines.push(`  - \`${child.name}\`: ${item(child.comment.summary, page)}`);
    }
  }
  return lines;
}

/** A comment as Markdown; links lead to this page, where it has what they name. */
function prose(parts, { anchors }) {
  const texts = parts.map((part) => {
    if (part.kind !== "inline-tag") return part.text;
    const name = part.text.trim();
    return anchors.has(name) ? `[${name}](#${name.toLowerCase()})` : `\`${name}\``;
  });
  return texts.join("").trim();
}

/** The same in one line. */
function item(parts, page) {
  return prose(parts, page).replace(/\s+/g, " ");
}
