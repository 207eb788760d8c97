// Several engines in one process: workers that train at once, and workers that are terminated in the middle of work.
import { once } from "node:events";
import { Worker, isMainThread, parentPort, workerData } from "node:worker_threads";
import { rand, randn, setSeed, tensor } from "nabla";

const start = (seed) => new Worker(new URL(import.meta.url), { workerData: seed });

if (isMainThread) {
  const losses = await Promise.all([1, 2, 1].map(async (seed) => (await once(start(seed), "message"))[0]));
  let terminated = 0;
  while (terminated < 5) {
    const worker = start(null);
    await once(worker, "message");
    await worker.terminate();
    terminated += 1;
  }
  const equal = losses.map((loss) => loss === losses[0]);
  console.log(JSON.stringify({ equal, terminated, sum: tensor([1, 2]).sum().itemSync() }));
} else if (workerData === null) {
  parentPort.postMessage("at work");
  let x = rand([128, 128]);
  for (;;) {
    x = x.matmul(x).tanh();
    await x.mean().item();
  }
} else {
  setSeed(workerData);
  const w = randn([8, 1], { requiresGrad: true });
  const loss = rand([16, 8]).matmul(w).square().mean();
  loss.backward();
  parentPort.postMessage(await loss.item());
}
