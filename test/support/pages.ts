// The code in the pages of documentation, as programs that test/docs.test.ts checks and runs.
//
// A `ts` block that begins with an import begins a program, and each one without goes on with it. A comment behind a
// `console.log(…);`, on its line or on the lines right below, is what that prints; a `text` block is all that the block
// before it prints. In both, `…` stands for anything within a line, and a line of it for any lines.
import ts from "typescript";

/** A fenced block. Lines count from 1; `line` is that of the fence. */
interface Block {
  readonly language: string;
  readonly line: number;
  readonly lines: readonly string[];
}

export interface Expectation {
  readonly line: number;
  readonly text: string;
}

export interface Program {
  readonly page: string;
  /** Where it begins in the page. */
  readonly line: number;
  /** Its code on the lines that it has in the page, so that messages name them. */
  readonly source: string;
  /** The same, with each `console.log` telling its line to {@link PRINTER}, and each block when it begins. */
  readonly observed: string;
  /** What the `console.log` on a line prints. */
  readonly prints: readonly Expectation[];
  /** What the block that begins on a line prints. */
  readonly outputs: readonly Expectation[];
}

/** The global that observed programs call: `at(line)` gives a `console.log`, `begin(line)` says that a block begins. */
export const PRINTER = "__printer";

const LANGUAGES = ["ts", "console", "text", "json"];

/** @throws for a block in a language that no reader of these pages knows, since it would escape the checks. */
function blocksOf(page: string, text: string): Block[] {
  const blocks: Block[] = [];
  let open: { language: string; line: number; lines: string[] } | null = null;
  text.split("\n").forEach((content, i) => {
    const fence = /^\s*(?:```|~~~)\s*(\S*)/.exec(content);
    if (!fence) return void open?.lines.push(content);
    if (open) {
      blocks.push(open);
      open = null;
      return;
    }
    const language = fence[1]!;
    if (!content.startsWith(`\`\`\`${language}`) || !LANGUAGES.includes(language)) {
      throw new Error(`${page}:${i + 1}: a block begins with "${content}", expected one of ${LANGUAGES.join(", ")}`);
    }
    open = { language, line: i + 1, lines: [] };
  });
  if (open) throw new Error(`${page}: a block has no end`);
  return blocks;
}

export function programsOf(page: string, text: string): Program[] {
  const groups: { blocks: Block[]; outputs: Expectation[] }[] = [];
  let before: Block | null = null;
  for (const block of blocksOf(page, text)) {
    if (block.language === "ts") {
      if (block.lines[0]!.startsWith("import ")) groups.push({ blocks: [], outputs: [] });
      const group = groups.at(-1);
      if (!group) throw new Error(`${page}:${block.line}: the first block has no imports`);
      group.blocks.push(block);
    } else if (block.language === "text") {
      if (before?.language !== "ts") throw new Error(`${page}:${block.line}: no code is before this output`);
      groups.at(-1)!.outputs.push({ line: before.line, text: block.lines.join("\n") });
    }
    before = block;
  }
  return groups.map(({ blocks, outputs }) => {
    const source = placed(blocks, (block) => block.lines);
    const { prints, calls } = printsOf(page, source);
    const observed = placed(blocks, (block) =>
      block.lines.map((content, i) => {
        const line = block.line + 1 + i;
        const told = calls.has(line) ? content.replace("console.log(", `${PRINTER}.at(${line})(`) : content;
        return i === 0 ? `${PRINTER}.begin(${block.line}); ${told}` : told;
      }),
    );
    return { page, line: blocks[0]!.line, source, observed, prints, outputs };
  });
}

/** The lines of the blocks where they are in the page, with empty lines between. */
function placed(blocks: readonly Block[], linesOf: (block: Block) => readonly string[]): string {
  const lines: string[] = [];
  for (const block of blocks) {
    while (lines.length < block.line) lines.push("");
    lines.push(...linesOf(block));
  }
  return `${lines.join("\n")}\n`;
}

/** What the comments say that each `console.log` prints, and the lines of all of these calls. */
function printsOf(page: string, source: string): { prints: Expectation[]; calls: Set<number> } {
  const file = ts.createSourceFile(`${page}.ts`, source, ts.ScriptTarget.Latest, true);
  const lines = source.split("\n");
  const lineAt = (place: number): number => file.getLineAndCharacterOfPosition(place).line + 1;
  const prints: Expectation[] = [];
  const calls = new Set<number>();
  const visit = (node: ts.Node): void => {
    if (ts.isExpressionStatement(node) && ts.isCallExpression(node.expression)) {
      const call = node.expression;
      if (call.expression.getText(file) === "console.log") {
        const line = lineAt(call.getStart(file));
        if (calls.has(line)) throw new Error(`${page}:${line}: two calls of console.log on one line`);
        calls.add(line);
        const text = commentBehind(
          lines,
          lineAt(node.getEnd()),
          node.getEnd() - file.getLineStarts()[lineAt(node.getEnd()) - 1]!,
        );
        if (text !== null) prints.push({ line, text });
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return { prints, calls };
}

/** The comment behind a statement that ends at this column of a line, or on the lines below it; null where there is none. */
function commentBehind(lines: readonly string[], line: number, column: number): string | null {
  const behind = /^\s*\/\/ ?(.*)$/.exec(lines[line - 1]!.slice(column));
  if (behind) return behind[1]!;
  const below: string[] = [];
  for (let i = line; i < lines.length; i++) {
    const comment = /^\s*\/\/ ?(.*)$/.exec(lines[i]!);
    if (!comment) break;
    below.push(comment[1]!);
  }
  return below.length > 0 ? below.join("\n") : null;
}

/** Whether a program printed what the page says. */
export function printed(expected: string, actual: string): boolean {
  const pattern = tidied(expected)
    .map((line) => (line === "…" ? "(?:.*\n)*" : `${line.split("…").map(literally).join(".*?")}\n`))
    .join("");
  return new RegExp(`^${pattern}$`).test(`${tidied(actual).join("\n")}\n`);
}

const tidied = (text: string): string[] =>
  text
    .replace(/\s+$/, "")
    .split("\n")
    .map((line) => line.trimEnd());

const literally = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");

/**
 * The code in the last columns of a page's tables that are headed `nabla`, as a module in which each piece is an expression on
 * the line that it has in the page. Line 1 is left free for what declares their names.
 */
export function tableExpressions(text: string): { source: string; count: number } {
  const lines: string[] = [];
  let count = 0;
  let isTable = false;
  text.split("\n").forEach((content) => {
    const cells = content.startsWith("|") ? cellsOf(content) : [];
    const last = cells.at(-1) ?? "";
    if (cells.length === 0) isTable = false;
    const pieces = isTable ? [...last.matchAll(/`([^`]+)`/g)].map(([, piece]) => piece!) : [];
    if (last === "nabla") isTable = true;
    count += pieces.length;
    lines.push(pieces.map((piece) => `void (${piece});`).join(" "));
  });
  return { source: lines.join("\n"), count };
}

/** A bar inside of code is written `\|`. */
const cellsOf = (row: string): string[] =>
  row
    .replace(/^\||\|\s*$/g, "")
    .split(/(?<!\\)\|/)
    .map((cell) => cell.replaceAll("\\|", "|").trim());

/**
 * What the compiler says of modules that import nabla, with the options that `tsc --init` chooses: `name:line: message`.
 */
export function typeErrors(root: string, modules: Readonly<Record<string, string>>): string[] {
  const options: ts.CompilerOptions = {
    noEmit: true,
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    verbatimModuleSyntax: true,
    isolatedModules: true,
    target: ts.ScriptTarget.ES2022,
    lib: ["lib.es2023.d.ts", "lib.esnext.disposable.d.ts"],
    module: ts.ModuleKind.NodeNext,
    moduleDetection: ts.ModuleDetectionKind.Force,
    types: ["node"],
    skipLibCheck: true,
    paths: { nabla: [`${root}/src/ts/index.ts`] },
  };
  const files = new Map(Object.entries(modules).map(([name, source]) => [`${root}/${name}.ts`, source]));
  const host = ts.createCompilerHost(options, true);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (name) => files.has(name) || fileExists(name);
  host.readFile = (name) => files.get(name) ?? readFile(name);
  host.getSourceFile = (name, languageVersion, ...rest) => {
    const source = files.get(name);
    if (source === undefined) return getSourceFile(name, languageVersion, ...rest);
    return ts.createSourceFile(name, source, languageVersion, true);
  };
  host.getCurrentDirectory = () => root;
  const program = ts.createProgram([...files.keys()], options, host);
  return [...files.keys()].flatMap((name) => {
    const file = program.getSourceFile(name)!;
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map((diagnostic) => {
      const { line } = file.getLineAndCharacterOfPosition(diagnostic.start ?? 0);
      const message = ts.flattenDiagnosticMessageText(diagnostic.messageText, "\n");
      return `${name.slice(root.length + 1, -3)}:${line + 1}: ${message}`;
    });
  });
}
