import {
  embedding,
  layerNorm,
  matmul,
  ones,
  optimizers,
  scaledDotProductAttention,
  softmaxCrossEntropy,
  tensor,
  tidy,
  zeros,
  type Tensor,
} from "nabla";
import {
  ADAMW,
  BLOCK_PRODUCTS,
  CLASSES,
  HEAD_PRODUCTS,
  LIMIT,
  SIZES,
  type DistilBertParams,
} from "../../cases/distilbert.js";
import { labels, tiled } from "../../harness/inputs.js";
import type { Subject } from "../../harness/serve.js";
import { trainingSubject } from "./training.js";

const EPSILON = 1e-12;

type Product = [kernel: Tensor, bias: Tensor];
type Norm = [gamma: Tensor, beta: Tensor];

/** The network from nabla's ops, in a training loop of its own. */
class DistilBert {
  readonly parameters: Tensor[] = [];
  private readonly words: Tensor;
  private readonly positions: Tensor;
  private readonly norm: Norm;
  private readonly blocks: { products: Product[]; norms: [Norm, Norm] }[];
  private readonly head: Product[];

  constructor() {
    let seed = 10;
    const keep = (parameter: Tensor): Tensor => {
      parameter.requiresGrad = true;
      this.parameters.push(parameter);
      return parameter;
    };
    const weight = (...shape: number[]): Tensor => keep(tensor(tiled(seed++, shape[0]! * shape[1]!, LIMIT), { shape }));
    const product = ([inputs, outputs]: readonly [number, number]): Product => [
      weight(inputs, outputs),
      keep(zeros([outputs])),
    ];
    const norm = (): Norm => [keep(ones([SIZES.features])), keep(zeros([SIZES.features]))];
    this.words = weight(SIZES.vocabulary, SIZES.features);
    this.positions = weight(SIZES.positions, SIZES.features);
    this.norm = norm();
    this.blocks = Array.from({ length: SIZES.blocks }, () => ({
      products: BLOCK_PRODUCTS.map(product),
      norms: [norm(), norm()],
    }));
    this.head = HEAD_PRODUCTS.map(product);
  }

  /** [batch, length] -> [batch, CLASSES] */
  logits(tokens: Tensor): Tensor {
    const { heads, features } = SIZES;
    const [batch, length] = tokens.shape as [number, number];
    const split = (x: Tensor): Tensor => x.reshape([batch, length, heads, features / heads]).permute([0, 2, 1, 3]);
    let x: Tensor = embedding(tokens, this.words).add(this.positions.slice([[0, length]]));
    x = layerNorm(x, ...this.norm, { epsilon: EPSILON });
    for (const { products, norms } of this.blocks) {
      const [q, k, v, out, up, down] = products as [Product, Product, Product, Product, Product, Product];
      const [queries, keys, values] = [q, k, v].map(([kernel, bias]) => split(matmul(x, kernel, { bias })));
      const attended = scaledDotProductAttention(queries!, keys!, values!);
      const merged = attended.permute([0, 2, 1, 3]).reshape([batch, length, features]);
      x = layerNorm(matmul(merged, out[0], { bias: out[1], residual: x }), ...norms[0], { epsilon: EPSILON });
      const hidden = matmul(x, up[0], { bias: up[1], activation: "gelu" });
      x = layerNorm(matmul(hidden, down[0], { bias: down[1], residual: x }), ...norms[1], { epsilon: EPSILON });
    }
    const [first, last] = this.head as [Product, Product];
    const hidden = matmul(x.index(null, 0), first[0], { bias: first[1], activation: "relu" });
    return matmul(hidden, last[0], { bias: last[1] });
  }
}

export function distilbert({ batch, length }: DistilBertParams): Subject {
  const model = new DistilBert();
  const optimizer = new optimizers.AdamW({ ...ADAMW, parameters: model.parameters });
  const tokens = tensor(labels(1, batch * length, SIZES.vocabulary), { shape: [batch, length] });
  const y = tensor(labels(2, batch, CLASSES));

  async function step(): Promise<number> {
    optimizer.zeroGrad();
    const loss = tidy(() => {
      const value = softmaxCrossEntropy(model.logits(tokens), y);
      value.backward();
      return value;
    });
    optimizer.step();
    return loss.item();
  }

  return {
    ...trainingSubject(step, 3),
    dispose() {
      optimizer.reset();
      optimizer.zeroGrad();
      for (const parameter of model.parameters) parameter.dispose();
    },
  };
}
