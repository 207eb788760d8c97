import { InferenceSession, Tensor } from "onnxruntime-node";
import type { Subject } from "../../harness/serve.js";
import { OUTPUT } from "./model.js";

const threads = Number(process.argv[2]);

/** A model's subject: inputs and output stay in the same memory from run to run. */
export async function subject(
  model: Uint8Array,
  feeds: Record<string, Tensor>,
  outputShape: number[],
  sampled: (output: Float32Array) => number[],
): Promise<Subject> {
  const session = await InferenceSession.create(model, {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: "all",
  });
  const data = new Float32Array(outputShape.reduce((a, b) => a * b, 1));
  const fetches = { [OUTPUT]: new Tensor(data, outputShape) };
  return {
    async output() {
      await session.run(feeds, fetches);
      return [sampled(data)];
    },
    async run(iterations) {
      for (let i = 0; i < iterations; i++) await session.run(feeds, fetches);
    },
    dispose: () => void session.release(),
  };
}
