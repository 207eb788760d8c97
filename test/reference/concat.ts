import type { JoinAttributes } from "../cases/concat.js";
import { get, nd, type Nd } from "./nd.js";

export function concat(inputs: readonly Nd[], { axis }: JoinAttributes): Nd {
  const rank = inputs[0]!.shape.length;
  const at = axis < 0 ? axis + rank : axis;
  const size = inputs.reduce((sum, input) => sum + input.shape[at]!, 0);
  return nd(inputs[0]!.shape.with(at, size), (index) => {
    let place = index[at]!;
    for (const input of inputs) {
      if (place < input.shape[at]!) return get(input, index.with(at, place));
      place -= input.shape[at]!;
    }
    throw new Error("the index is outside");
  });
}

export function stack(inputs: readonly Nd[], { axis }: JoinAttributes): Nd {
  const at = axis < 0 ? axis + inputs[0]!.shape.length + 1 : axis;
  return nd(inputs[0]!.shape.toSpliced(at, 0, inputs.length), (index) =>
    get(inputs[index[at]!]!, index.toSpliced(at, 1)),
  );
}
