import type { ActivationName } from "nabla";
import { slope } from "./activation.js";
import { count, type Nd } from "./nd.js";

export function activationGrad([dy, y]: readonly Nd[], name: ActivationName): Nd {
  return { shape: dy!.shape, data: dy!.data.map((g, i) => g * slope[name](y!.data[i]!)) };
}

export function biasGrad(inputs: readonly Nd[], name: ActivationName): Nd {
  const dz = activationGrad(inputs, name);
  const columns = dz.shape.at(-1)!;
  const data = new Float64Array(columns);
  for (let i = 0; i < count(dz.shape); i++) data[i % columns]! += dz.data[i]!;
  return { shape: [columns], data };
}
