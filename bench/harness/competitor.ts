import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { environment, type Setting } from "./environment.js";
import type { Greeting, Params, Reply, Request } from "./protocol.js";
import { atRest } from "./rest.js";

/** bench/, seen from bench/dist/harness/. */
const root = fileURLToPath(new URL("../../", import.meta.url));

export const competitorNames = ["nabla", "pytorch", "onnxruntime", "tfjs"] as const;
export type CompetitorName = (typeof competitorNames)[number];

/** After so long an answer is not waited for: the process hangs. */
const PATIENCE_MS = 180_000;

/** Those that compute on a GPU. */
export const cudaCompetitors: readonly CompetitorName[] = ["nabla", "pytorch"];

function commandLine(name: CompetitorName, { device, threads }: Setting): string[] {
  if (name !== "pytorch") return [process.execPath, `${root}dist/competitors/${name}/main.js`, String(threads)];
  const python = `${root}.venv/bin/python`;
  if (!existsSync(python))
    throw new Error("bench/.venv is missing: run bench/setup-venv.sh, or choose with --competitors");
  return [python, `${root}competitors/pytorch/main.py`, String(threads), device];
}

/** The engine cannot take part here. */
export class Absent extends Error {}

/** An engine in a process of its own, which stays for all cases; when it dies, the next question starts it again. */
export class Competitor {
  readonly name: CompetitorName;
  readonly setting: Setting;
  version = "";
  private process: ChildProcessWithoutNullStreams | undefined;
  private lines: AsyncIterator<string> | undefined;

  constructor(name: CompetitorName, setting: Setting) {
    this.name = name;
    this.setting = setting;
  }

  async start(): Promise<void> {
    const { device, threads } = this.setting;
    const cpus = Array.from({ length: threads }, (_, i) => i).join(",");
    const command = commandLine(this.name, this.setting);
    // What feeds a GPU may use any CPU.
    const [program, ...args] = device === "cpu" ? ["taskset", "-c", cpus, ...command] : command;
    const child = spawn(program!, args, { env: environment(this.setting) });
    child.stderr.pipe(process.stderr);
    child.stdin.on("error", () => {}); // A process that died is noticed when it does not answer.
    this.process = child;
    this.lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const greeting = await this.hear<Greeting>();
    if (greeting.absent !== undefined) {
      this.stop();
      throw new Absent(greeting.absent);
    }
    this.version = greeting.version;
  }

  async prepare(stem: string, params: Params): Promise<Extract<Reply, { output: unknown } | { unsupported: unknown }>> {
    const reply = await this.ask({ do: "prepare", stem, params });
    if ("output" in reply || "unsupported" in reply) return reply;
    throw this.misunderstood(reply);
  }

  /** Seconds an iteration. */
  async run(iterations: number, settle: boolean): Promise<number> {
    const reply = await this.ask({ do: "run", iterations, settle });
    if ("seconds" in reply) return reply.seconds / iterations;
    throw this.misunderstood(reply);
  }

  /** Resolves when its threads have gone to sleep. */
  async rest(): Promise<void> {
    if (this.process) await atRest(this.process.pid!);
  }

  /** The most bytes of memory that the process ever had. */
  async memory(): Promise<number> {
    const reply = await this.ask({ do: "memory" });
    if ("bytes" in reply) return reply.bytes;
    throw this.misunderstood(reply);
  }

  stop(): void {
    this.process?.kill("SIGKILL");
    this.process = undefined;
  }

  private misunderstood(reply: Reply): Error {
    return new Error(`${this.name}: an answer to another question: ${JSON.stringify(reply)}`);
  }

  private async ask(request: Request): Promise<Reply> {
    if (!this.process) await this.start();
    this.process!.stdin.write(`${JSON.stringify(request)}\n`);
    const reply = await this.hear<Reply>();
    if ("error" in reply) throw new Error(`${this.name}: ${reply.error}`);
    return reply;
  }

  private async hear<T>(): Promise<T> {
    const child = this.process!;
    let hung = false;
    const timer = setTimeout(() => {
      hung = true;
      child.kill("SIGKILL");
    }, PATIENCE_MS);
    const line = await this.lines!.next().finally(() => clearTimeout(timer));
    if (!line.done) return JSON.parse(line.value) as T;
    this.stop();
    const how = hung
      ? `was silent for ${PATIENCE_MS / 1000} s`
      : `ended (${child.signalCode ?? child.exitCode ?? "?"})`;
    throw new Error(`${this.name}: the process ${how}`);
  }
}
