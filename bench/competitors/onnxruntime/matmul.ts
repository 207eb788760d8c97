import { Tensor } from "onnxruntime-node";
import type { MatmulParams } from "../../cases/matmul.js";
import { sample, values } from "../../harness/inputs.js";
import { Unsupported, type Subject } from "../../harness/serve.js";
import { oneNodeModel } from "./model.js";
import { subject } from "./session.js";

export function matmul({ batch, m, n, k, transposeA, transposeB, dtype }: MatmulParams): Promise<Subject> {
  if (dtype !== "float32") throw new Unsupported(`no ${dtype} product on the CPU`);
  const items = batch > 1 ? [batch] : [];
  const a = [...items, ...(transposeA ? [k, m] : [m, k])];
  const b = [...items, ...(transposeB ? [n, k] : [k, n])];
  const y = [...items, m, n];
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
    outputShape: y,
  });
  const feeds = { a: new Tensor(values(1, batch * m * k), a), b: new Tensor(values(2, batch * k * n), b) };
  return subject(model, feeds, y, sample);
}
