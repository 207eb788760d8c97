import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Greeting, Params, Reply, Request } from "./protocol.js";

/** bench/, seen from bench/dist/harness/. */
const root = fileURLToPath(new URL("../../", import.meta.url));

export const competitorNames = ["nabla", "pytorch", "onnxruntime", "tfjs"] as const;
export type CompetitorName = (typeof competitorNames)[number];

function commandLine(name: CompetitorName, threads: number): string[] {
  if (name !== "pytorch") return [process.execPath, `${root}dist/competitors/${name}/main.js`, String(threads)];
  const python = `${root}.venv/bin/python`;
  if (!existsSync(python))
    throw new Error("bench/.venv is missing: run bench/setup-venv.sh, or choose with --competitors");
  return [python, `${root}competitors/pytorch/main.py`, String(threads)];
}

/** The same CPUs and the same number of threads for everyone. */
function environment(threads: number): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { ...process.env };
  // Settings meant for another BLAS of this machine.
  delete env["OPENBLAS_CORETYPE"];
  delete env["OPENBLAS_L2_SIZE"];
  env["NABLA_THREADS"] = env["OMP_NUM_THREADS"] = env["MKL_NUM_THREADS"] = String(threads);
  // Without this the scheduler may leave both OpenMP threads on one CPU.
  env["OMP_PROC_BIND"] = "true";
  env["OMP_PLACES"] = "cores";
  // glibc keeps what was freed. By default it hands large arrays back to the system and faults them in again, which
  // costs PyTorch half as much time again in the training step.
  env["MALLOC_MMAP_THRESHOLD_"] = String(32 * 2 ** 20);
  env["MALLOC_TRIM_THRESHOLD_"] = String(2 ** 30);
  env["MALLOC_TOP_PAD_"] = String(2 ** 26);
  return env;
}

/** An engine in a process of its own, which stays for all cases. */
export class Competitor {
  readonly name: CompetitorName;
  version = "";
  private readonly process: ChildProcessWithoutNullStreams;
  private readonly lines: AsyncIterator<string>;

  private constructor(name: CompetitorName, threads: number) {
    this.name = name;
    const cpus = Array.from({ length: threads }, (_, i) => i).join(",");
    this.process = spawn("taskset", ["-c", cpus, ...commandLine(name, threads)], { env: environment(threads) });
    this.process.stderr.pipe(process.stderr);
    this.lines = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]();
  }

  static async start(name: CompetitorName, threads: number): Promise<Competitor> {
    const competitor = new Competitor(name, threads);
    competitor.version = (await competitor.hear<Greeting>()).version;
    return competitor;
  }

  async prepare(stem: string, params: Params): Promise<Extract<Reply, { output: unknown } | { unsupported: unknown }>> {
    const reply = await this.ask({ do: "prepare", stem, params });
    if ("output" in reply || "unsupported" in reply) return reply;
    throw new Error(`${this.name}: an answer to another question: ${JSON.stringify(reply)}`);
  }

  /** Seconds an iteration. */
  async run(iterations: number): Promise<number> {
    const reply = await this.ask({ do: "run", iterations });
    if ("seconds" in reply) return reply.seconds / iterations;
    throw new Error(`${this.name}: an answer to another question: ${JSON.stringify(reply)}`);
  }

  stop(): void {
    this.process.kill();
  }

  private async ask(request: Request): Promise<Reply> {
    this.process.stdin.write(`${JSON.stringify(request)}\n`);
    const reply = await this.hear<Reply>();
    if ("error" in reply) throw new Error(`${this.name}: ${reply.error}`);
    return reply;
  }

  private async hear<T>(): Promise<T> {
    const line = await this.lines.next();
    if (line.done) throw new Error(`${this.name}: the process ended`);
    return JSON.parse(line.value) as T;
  }
}
