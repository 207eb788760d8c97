import { Sequential, layers, tensor } from "nabla";
import { BLOCKS, DENSE, FEATURES, SIDE, convolutions, type Vgg16Params } from "../../cases/vgg16.js";
import { labels, sample, tiled } from "../../harness/inputs.js";
import type { Subject } from "../../harness/serve.js";

export function vgg16({ batch, head }: Vgg16Params): Subject {
  const model = makeVgg16(head);
  const x = tensor(tiled(1, batch * SIDE * SIDE * 3), { shape: [batch, SIDE, SIDE, 3] });
  if (!head) {
    return {
      output: async () => [sample((await model.predict(x, { batchSize: batch })).dataSync())],
      async run(iterations) {
        for (let i = 0; i < iterations; i++) (await model.predict(x, { batchSize: batch })).dispose();
      },
    };
  }
  model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy" });
  const y = tensor(labels(2, batch, DENSE.head[1]));
  const step = async (): Promise<number> => (await model.trainOnBatch(x, y))["loss"]!;
  return {
    output: async () => [[await step(), await step()]],
    async run(iterations) {
      for (let i = 0; i < iterations; i++) await step();
    },
  };
}

function makeVgg16(head: boolean): Sequential {
  const base = BLOCKS.flatMap(([filters, count], block) => [
    ...Array.from(
      { length: count },
      (_, i) =>
        new layers.Conv2D({
          filters,
          kernelSize: 3,
          padding: "same",
          activation: "relu",
          trainable: !head,
          kernelInitializer: "zeros",
          ...(block + i === 0 ? { inputShape: [SIDE, SIDE, 3] } : {}),
        }),
    ),
    new layers.MaxPooling2D({ poolSize: 2 }),
  ]);
  const units = head ? DENSE.head : DENSE.forward;
  const last = head ? ("softmax" as const) : undefined;
  const dense = units.map((size, i) => {
    const activation = i < units.length - 1 ? ("relu" as const) : last;
    return new layers.Dense({ units: size, kernelInitializer: "zeros", ...(activation ? { activation } : {}) });
  });
  const model = new Sequential([...base, new layers.Flatten(), ...dense]);
  model.setWeights([
    ...convolutions().flatMap(({ inputs, outputs }, i) => weights(10 + i, 9 * inputs, outputs)),
    ...units.flatMap((outputs, i) => weights(30 + i, units[i - 1] ?? FEATURES, outputs)),
  ]);
  return model;
}

/** He-uniform kernels and zero biases. */
function weights(seed: number, inputs: number, outputs: number): [Float32Array, Float32Array] {
  return [tiled(seed, inputs * outputs, Math.sqrt(6 / inputs)), new Float32Array(outputs)];
}
