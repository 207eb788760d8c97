// Strict TypeScript: types of arguments and results, `using`, and an option that there is not.
import { Sequential, layers, tensor, type Tensor } from "nabla";

function double(x: Tensor): Tensor {
  using two = tensor([2]);
  return x.mul(two);
}
const model = new Sequential([new layers.Dense({ units: 1, inputShape: [2] })]);
const parameters: number = model.countParams();
// @ts-expect-error: no such option
export const misuse = (): Tensor => tensor([1], { requireGrad: true });
const result: number = double(tensor([21])).itemSync();
console.log(JSON.stringify({ parameters, result }));
