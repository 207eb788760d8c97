#!/usr/bin/env node
import { Command, CommanderError } from "commander";
import { manifest } from "./manifest.js";

// Exit codes: 0 well, 1 the command failed, 2 the command line is wrong.
// Commands are loaded when asked for: `bench` and `train` need the whole library.

const program = new Command("nabla")
  .description("Deep learning in Node.js.")
  .version(manifest.version, "-v, --version", "the version")
  .helpOption("-h, --help", "this text, or that of a command")
  .enablePositionalOptions() // what follows the example's name is the example's
  .exitOverride()
  .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, "nabla: ")) })
  .showHelpAfterError("(nabla --help tells what there is)");

program
  .command("info")
  .description("tells what the engine found on this machine")
  .option("--json", "as JSON")
  .action(async ({ json }: { json?: true }) => {
    const { info } = await import("./info.js");
    process.exitCode = info(json ?? false);
  });

program
  .command("bench")
  .description("times matrix products and training steps, in under a minute")
  .option("--json", "as JSON")
  .action(async ({ json }: { json?: true }) => {
    const { bench } = await import("./bench.js");
    await bench(json ?? false);
  });

program
  .command("train")
  .description("runs an example; without a name it lists them")
  .argument("[example]", "the name of one")
  .argument("[options...]", "the example's own, such as --epochs 3")
  .passThroughOptions()
  .allowUnknownOption()
  .action(async (example: string | undefined, options: string[]) => {
    const { train } = await import("./train.js");
    process.exitCode = await train(example, options);
  });

// Whoever read has had enough: `nabla bench | head -3`.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});

try {
  const args = process.argv.slice(2);
  await program.parseAsync(args.length > 0 ? args : ["--help"], { from: "user" });
} catch (error) {
  if (error instanceof CommanderError) {
    // It has been printed.
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else {
    process.stderr.write(`nabla: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
