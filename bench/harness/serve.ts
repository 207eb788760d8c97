import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Greeting, Params, Reply, Request } from "./protocol.js";

/** A case made ready in one engine. */
export interface Subject {
  /** Which of several ways to do the case this is. */
  variant?: string;
  /** Runs the case once and samples its outputs, in the order and the layout that the case names. */
  output(): Promise<number[][]> | number[][];
  /** Runs the case and waits until the last result is there. */
  run(iterations: number): Promise<void> | void;
  /** Gives back what the engine would not find by itself. */
  dispose?(): void;
}

export type Prepare = (params: never) => Promise<Subject> | Subject;

/** Thrown by a Prepare: the engine has no such op. */
export class Unsupported extends Error {}

/** The main loop of a competitor that runs in Node. */
export async function serve(greeting: Greeting, cases: Record<string, Prepare>): Promise<void> {
  let subject: Subject | undefined;

  async function prepare(stem: string, params: Params): Promise<Reply> {
    subject?.dispose?.();
    subject = undefined;
    const make = cases[stem];
    if (!make) return { unsupported: `no ${stem}` };
    try {
      subject = await make(params as never);
    } catch (error) {
      if (error instanceof Unsupported) return { unsupported: error.message };
      throw error;
    }
    return { output: await subject.output(), variant: subject.variant };
  }

  async function run(iterations: number, settle: boolean): Promise<Reply> {
    if (!subject) throw new Error("run before prepare");
    if (settle) await subject.run(1);
    const start = process.hrtime.bigint();
    await subject.run(iterations);
    return { seconds: Number(process.hrtime.bigint() - start) / 1e9 };
  }

  function answer(request: Request): Promise<Reply> | Reply {
    if (request.do === "prepare") return prepare(request.stem, request.params);
    if (request.do === "run") return run(request.iterations, request.settle);
    return { bytes: Number(/VmHWM:\s*(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))![1]) * 1024 };
  }

  const say = (line: Greeting | Reply): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
  say(greeting);
  for await (const line of createInterface({ input: process.stdin })) {
    const request = JSON.parse(line) as Request;
    try {
      say(await answer(request));
    } catch (error) {
      say({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  }
}
