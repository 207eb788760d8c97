import { ArgumentError, DTypeError, ShapeError } from "./errors.js";
import { checkTensor, copy } from "./op.js";
import { add } from "./ops/binary.js";
import { full } from "./ops/creation.js";
import { enterScope, leaveScope } from "./scope.js";
import { formatShape, sameShape } from "./shape.js";
import { nodeOf, withRecording, type TapeNode } from "./tape.js";
import { addMethod, type Tensor } from "./tensor.js";

/** Runs `fn` without recording: nothing made inside can be differentiated, and nothing is saved for it. */
export function noGrad<T>(fn: () => T): T {
  return withRecording(false, fn);
}

export interface BackwardOptions {
  /** Keep what the ops saved, so that `backward` can be called again. */
  retainGraph?: boolean;
  /** Record the backward pass itself, so that gradients can be differentiated again. Implies `retainGraph`. */
  createGraph?: boolean;
}

declare module "./tensor.js" {
  interface Tensor {
    /**
     * Adds the gradient of this tensor with respect to every leaf that requires one to the leaf's `grad`.
     *
     * @param gradient the gradient of the final result with respect to this tensor: same shape; 1 for a single element.
     * @throws ArgumentError when nothing requires a gradient, or this tensor has several elements and no gradient is given.
     * @throws ShapeError, DTypeError when the gradient has another shape or dtype.
     */
    backward(gradient?: Tensor, options?: BackwardOptions): void;
  }
}

function backward(root: Tensor, gradient?: Tensor, options: BackwardOptions = {}): void {
  root.check("backward");
  if (!root.requiresGrad) {
    throw new ArgumentError(
      "backward: nothing here requires a gradient: set requiresGrad on a tensor that it is computed from",
    );
  }
  if (gradient === undefined && root.size !== 1) {
    throw new ArgumentError(
      `backward: the tensor has several elements: its shape is ${formatShape(root.shape)}, pass a gradient of this shape`,
    );
  }
  if (gradient !== undefined) checkGradient(root, gradient);
  const createGraph = options.createGraph ?? false;
  const retain = createGraph || (options.retainGraph ?? false);
  withRecording(createGraph, () => {
    const start = nodeOf(root);
    const pending = new Map<TapeNode, (Tensor | null)[]>();
    const seed = gradient ? gradient.alias() : full(root.shape, 1, { dtype: root.dtype });
    if (gradient?.node) seed.attach(gradient.node, gradient.outputIndex);
    pending.set(start, slots(start));
    pending.get(start)![root.outputIndex] = seed;
    for (const node of reachable(start)) {
      const grads = pending.get(node);
      pending.delete(node);
      if (!grads || grads.every((grad) => grad === null)) {
        if (!retain) node.release();
        continue;
      }
      if (node.leaf) accumulateLeaf(node.leaf, grads[0]!);
      else pass(node, grads, pending, retain);
    }
  });
}

function checkGradient(root: Tensor, gradient: Tensor): void {
  checkTensor("backward", gradient);
  if (!sameShape(gradient.shape, root.shape)) {
    throw new ShapeError(
      `backward: the gradient does not fit: it is ${formatShape(gradient.shape)}, the tensor is ${formatShape(root.shape)}`,
    );
  }
  if (gradient.dtype !== root.dtype) {
    throw new DTypeError(
      `backward: the gradient's dtype does not fit: it is ${gradient.dtype}, the tensor is ${root.dtype}`,
    );
  }
}

/** Runs one node and hands its results on. What the op's backward made on the way is released. */
function pass(
  node: TapeNode,
  grads: readonly (Tensor | null)[],
  pending: Map<TapeNode, (Tensor | null)[]>,
  retain: boolean,
): void {
  const scope = enterScope();
  const results: Tensor[] = [];
  try {
    const inputGrads = node.run(grads);
    for (let i = 0; i < node.edges.length; i++) {
      const edge = node.edges[i];
      let grad = inputGrads[i] ?? null;
      if (!edge || grad === null) continue;
      // An op may pass its gradient on as it is, even to several inputs: each holder gets a handle of its own.
      if (grads.includes(grad) || results.includes(grad)) grad = sameTensor(grad);
      const row = pending.get(edge) ?? slots(edge);
      pending.set(edge, row);
      const output = node.edgeOutputs[i]!;
      const before = row[output];
      if (before) {
        const total = add(before, grad);
        before.dispose();
        results.push(total);
        row[output] = total;
      } else {
        results.push(grad);
        row[output] = grad;
      }
    }
  } finally {
    leaveScope(scope, new Set(results));
  }
  for (const grad of grads) grad?.dispose();
  if (!retain) node.release();
}

function sameTensor(tensor: Tensor): Tensor {
  const alias = tensor.alias();
  if (tensor.node) alias.attach(tensor.node, tensor.outputIndex);
  return alias;
}

function accumulateLeaf(leaf: Tensor, grad: Tensor): void {
  const before = leaf.grad;
  let total = grad;
  if (before) {
    total = add(before, grad);
    before.dispose();
    grad.dispose();
  } else if (grad.strides !== null || grad.storage.references > 1) {
    // A gradient that shares memory with another tensor would change with it.
    total = copy([grad], undefined)[0]!;
    grad.dispose();
  }
  total.kept = true;
  leaf.grad = total;
}

function slots(node: TapeNode): (Tensor | null)[] {
  return new Array<Tensor | null>(node.outputCount).fill(null);
}

/** Every node that the start depends on, users before what they use. */
function reachable(start: TapeNode): TapeNode[] {
  const seen = new Set<TapeNode>([start]);
  const stack = [start];
  for (let node = stack.pop(); node; node = stack.pop()) {
    for (const edge of node.edges) {
      if (edge && !seen.has(edge)) {
        seen.add(edge);
        stack.push(edge);
      }
    }
  }
  return [...seen].sort((a, b) => b.order - a.order);
}

addMethod("backward", backward);
