#!/usr/bin/env node
import { parseArgs } from "node:util";
import { version } from "./info.js";

const HELP = `nabla ${version()}: deep learning in Node.js

  nabla info [--json]    CPU, instruction set, threads, the addon's file, CUDA
  nabla bench [--json]   times this machine on matrix products and a training step (under a minute)

  -h, --help             this text
  -v, --version          the version
`;

// Loaded when asked for: `bench` needs the whole library.
const COMMANDS = {
  info: async () => (await import("./info.js")).info,
  bench: async () => (await import("./bench.js")).bench,
};

/** Exit codes: 0 well, 1 the command failed, 2 the command line is wrong. */
async function main(args: string[]): Promise<number> {
  let parsed;
  try {
    parsed = parseArgs({
      args,
      allowPositionals: true,
      options: {
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
        version: { type: "boolean", short: "v", default: false },
      },
    });
  } catch (error) {
    return misuse((error as Error).message);
  }
  const { values, positionals } = parsed;
  if (values.version) return print(`${version()}\n`);
  if (values.help || args.length === 0) return print(HELP);
  const [name, ...rest] = positionals;
  if (name === undefined) return misuse("no command given");
  if (!Object.hasOwn(COMMANDS, name)) return misuse(`unknown command: "${name}"`);
  if (rest.length > 0) return misuse(`${name} takes no "${rest[0]}"`);
  const command = await COMMANDS[name as keyof typeof COMMANDS]();
  return command(values.json);
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

function misuse(message: string): number {
  process.stderr.write(`nabla: ${message}\n\n${HELP}`);
  return 2;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`nabla: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
