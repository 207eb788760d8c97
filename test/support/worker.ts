import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Worker, type MessagePort } from "node:worker_threads";

const entry = new URL("../../dist/index.js", import.meta.url);

/** What a function that runs in a worker thread gets. */
type Nabla = typeof import("nabla");

/** Runs in a worker; `port` leads to the thread that started it. */
type Work<D> = (nabla: Nabla, data: D, port: MessagePort) => unknown;

/**
 * Starts a worker thread with an engine of its own, in the given environment, that runs `fn` and posts what it
 * returns. `fn` is sent as text: it can use its parameters and globals only. Workers load dist/, which `npm test` has
 * built.
 */
export function startWorker<D>(fn: Work<D>, data?: D, env: NodeJS.ProcessEnv = {}): Worker {
  if (!existsSync(fileURLToPath(entry))) throw new Error("dist/ is missing: run `npm run build:ts` first");
  const code = `
    const { parentPort, workerData } = require("node:worker_threads");
    const fn = ${fn.toString()};
    (async () => {
      try {
        const value = await fn(await import(${JSON.stringify(entry.href)}), workerData, parentPort);
        parentPort.postMessage({ value });
      } catch (error) {
        parentPort.postMessage({ error: { name: error.name, code: error.code, message: error.message } });
      }
    })();
  `;
  return new Worker(code, { eval: true, workerData: data, env: { ...process.env, ...env } });
}

export interface WorkerAnswer {
  value?: unknown;
  error?: { name: string; code: string; message: string };
}

/** The answer of a worker that `startWorker` started, once it has ended. */
export async function answerOf(worker: Worker): Promise<WorkerAnswer> {
  return new Promise((resolve, reject) => {
    let answer: WorkerAnswer | undefined;
    worker.once("message", (message: WorkerAnswer) => (answer = message));
    worker.once("error", reject);
    worker.once("exit", (code) => {
      if (answer) resolve(answer);
      else reject(new Error(`the worker ended with code ${code} and no answer`));
    });
  });
}

/** Runs `fn` in a worker thread to its end. */
export function inWorker<D>(fn: Work<D>, data?: D, env: NodeJS.ProcessEnv = {}): Promise<WorkerAnswer> {
  return answerOf(startWorker(fn, data, env));
}
