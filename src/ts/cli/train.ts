import { readFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { suggestion } from "../suggest.js";
import { manifest } from "./manifest.js";

/** The programs of examples/, compiled; the other files there are what these share. */
const EXAMPLES = ["cnn", "names", "charLstm", "charTransformer", "spam", "distilbert", "vgg16"];

/** Runs an example with its own options; without a name it lists them. Returns the exit code. */
export async function train(name: string | undefined, options: readonly string[]): Promise<number> {
  if (name === undefined) return print(list());
  if (!EXAMPLES.includes(name)) return misuse(`train: unknown example: "${name}", ${suggestion(name, EXAMPLES)}`);
  const file = fileOf(name);
  if (options.includes("--help") || options.includes("-h")) return print(`${aboutOf(name)}\n\nThe program: ${file}\n`);
  // As if the file itself had been started.
  process.argv = [process.argv[0]!, file, ...options];
  try {
    await import(pathToFileURL(file).href);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code?.startsWith("ERR_PARSE_ARGS_")) return misuse(`train ${name}: ${message}`);
    const [, missing] = /^Cannot find package '([^']+)'/.exec(message) ?? [];
    if (code !== "ERR_MODULE_NOT_FOUND" || missing === undefined) throw error;
    // The version that the example has been tried with.
    const wanted = [missing, manifest.devDependencies[missing] ?? "latest"].join("@");
    throw new Error(
      `train ${name}: its data are not installed: run \`npm install ${wanted}\` where nabla is installed`,
      {
        cause: error,
      },
    );
  }
  return 0;
}

function fileOf(name: string): string {
  return fileURLToPath(new URL(`../examples/${name}.js`, import.meta.url));
}

/** The comment at the head of an example: what it does, in a paragraph, and how it is started. */
function aboutOf(name: string): string {
  const [, comment = ""] = /^\/\*\*\n([\s\S]*?) \*\//.exec(readFileSync(fileOf(name), "utf8")) ?? [];
  return comment.replaceAll(/^ \* ?/gm, "").trim();
}

function list(): string {
  const rows = EXAMPLES.map((name) => {
    const [paragraph = ""] = aboutOf(name).split("\n\n", 1);
    const [sentence] = paragraph.replaceAll("\n", " ").split(/(?<=[.])\s|[:,] /, 1);
    return `  ${name.padEnd(16)} ${sentence}\n`;
  });
  return `${rows.join("")}\nnabla train <example> --help tells more about one, and its options.\n`;
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

function misuse(message: string): number {
  process.stderr.write(
    `nabla: ${message}\n(nabla train lists the examples, nabla train <example> --help their options)\n`,
  );
  return 2;
}
