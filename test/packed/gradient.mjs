import { tensor } from "nabla";

/** The product [[3, 4]] w, and the gradient of w. */
export function gradient() {
  const w = tensor([[1], [2]], { requiresGrad: true });
  const y = tensor([[3, 4]]).matmul(w);
  y.sum().backward();
  return [y.itemSync(), w.grad.toArraySync()];
}
