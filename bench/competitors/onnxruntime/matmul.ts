import { Tensor } from "onnxruntime-node";
import type { MatmulParams } from "../../cases/matmul.js";
import { sample, values } from "../../harness/inputs.js";
import type { Subject } from "../../harness/serve.js";
import { oneNodeModel } from "./model.js";
import { subject } from "./session.js";

export function matmul({ m, n, k, transposeA, transposeB }: MatmulParams): Promise<Subject> {
  const a = transposeA ? [k, m] : [m, k];
  const b = transposeB ? [n, k] : [k, n];
  const plain = !transposeA && !transposeB;
  const model = oneNodeModel({
    op: plain ? "MatMul" : "Gemm",
    attributes: plain
      ? []
      : [
          { name: "transA", value: Number(transposeA) },
          { name: "transB", value: Number(transposeB) },
        ],
    inputs: [
      { name: "a", shape: a },
      { name: "b", shape: b },
    ],
    outputShape: [m, n],
  });
  return subject(model, { a: new Tensor(values(1, m * k), a), b: new Tensor(values(2, k * n), b) }, [m, n], sample);
}
