import type { MatmulAttributes } from "../cases/matmul.js";
import { activation as simple, gelu } from "./activation.js";
import { broadcastShape, getBroadcast, nd, type Nd } from "./nd.js";

const activation = { ...simple, gelu };

export function matmul([a, b, ...rest]: readonly Nd[], attrs: MatmulAttributes): Nd {
  const bias = attrs.bias ? rest[0] : undefined;
  const residual = attrs.residual ? rest.at(-1) : undefined;
  const left = a!.shape.length === 1 ? { ...a!, shape: [1, ...a!.shape] } : a!;
  const right = b!.shape.length === 1 ? { ...b!, shape: [...b!.shape, 1] } : b!;
  const batch = broadcastShape(left.shape.slice(0, -2), right.shape.slice(0, -2));
  const inner = left.shape.at(-1)!;
  const act = activation[attrs.activation ?? "none"];
  const product = nd([...batch, left.shape.at(-2)!, right.shape.at(-1)!], (index) => {
    const at = [...index];
    const row = at.at(-2)!;
    const column = at.at(-1)!;
    let sum = 0;
    for (let k = 0; k < inner; k++) {
      at.splice(-2, 2, row, k);
      const x = getBroadcast(left, at);
      at.splice(-2, 2, k, column);
      sum += x * getBroadcast(right, at);
    }
    return act(sum + (bias ? bias.data[column]! : 0));
  });
  const shape = [...product.shape];
  if (a!.shape.length === 1) shape.splice(-2, 1);
  if (b!.shape.length === 1) shape.pop();
  return { shape, data: residual ? product.data.map((x, i) => x + residual.data[i]!) : product.data };
}
