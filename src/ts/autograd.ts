import { watchBackward, watching } from "./anomaly.js";
import { dtypeInfo, gradientDType } from "./dtype.js";
import { ArgumentError, DeviceError, DTypeError, ShapeError } from "./errors.js";
import { onStream } from "./device.js";
import { checkTensor, copy } from "./op.js";
import { add } from "./ops/binary.js";
import { full } from "./ops/creation.js";
import { enterScope, leaveScope } from "./scope.js";
import { formatShape, sameShape } from "./shape.js";
import { nodeOf, withRecording, type TapeNode } from "./tape.js";
import { addMethod, type Tensor } from "./tensor.js";

/**
 * Runs `fn` without recording: nothing made inside can be differentiated, and nothing is saved for it. An asynchronous
 * `fn` records again after its first `await`.
 */
export function noGrad<T>(fn: () => T): T {
  return withRecording(false, fn);
}

export interface BackwardOptions {
  /** Keep what the ops saved, so that `backward` can be called again. False by default. */
  retainGraph?: boolean;
  /** Record the backward pass itself, so that gradients can be differentiated again. Implies `retainGraph`. False
   * by default.
   */
  createGraph?: boolean;
}

declare module "./tensor.js" {
  interface Tensor {
    /**
     * Adds the gradient of this tensor with respect to every leaf that requires one to the leaf's `grad`.
     *
     * @param gradient the gradient of the final result with respect to this tensor: same shape; 1 for a single element.
     * @throws ArgumentError when nothing requires a gradient, or this tensor has several elements and no gradient is given.
     * @throws ShapeError, DTypeError, DeviceError when the gradient has another shape or dtype, or is on another device.
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
  withRecording(createGraph, () => propagate(root, seedOf(root, gradient), retain, NO_TARGETS));
}

const NO_TARGETS: ReadonlyMap<TapeNode, number> = new Map();

/** A tensor of its own, which the walk over the graph may dispose of. */
function seedOf(root: Tensor, gradient: Tensor | undefined): Tensor {
  return gradient
    ? sameTensor(gradient)
    : full(root.shape, 1, { dtype: gradientDType(root.dtype)!, device: root.device });
}

/**
 * @internal The gradients of the only element of `root` with respect to the results of the given nodes, null where
 * it does not depend on one. Leaves are left alone. What the nodes since the first of `targets` saved is dropped
 * unless `createGraph` records the way back too.
 */
export function differentiate(root: Tensor, targets: readonly TapeNode[], createGraph: boolean): (Tensor | null)[] {
  const places = new Map(targets.map((target, i) => [target, i]));
  return withRecording(createGraph, () => propagate(root, seedOf(root, undefined), createGraph, places));
}

/**
 * Walks the graph from `root` to its leaves, where gradients are collected; with targets, to those, and nowhere that
 * does not lead to one. Gives the gradients of the targets.
 */
function propagate(
  root: Tensor,
  seed: Tensor,
  retain: boolean,
  targets: ReadonlyMap<TapeNode, number>,
): (Tensor | null)[] {
  const start = nodeOf(root);
  const nodes = reachable(start, targets);
  const leading = targets.size > 0 ? leadingTo(targets, nodes) : null;
  const results = new Array<Tensor | null>(targets.size).fill(null);
  const pending = new Map<TapeNode, (Tensor | null)[]>();
  pending.set(start, slots(start));
  pending.get(start)![root.outputIndex] = seed;
  for (const node of nodes) {
    const grads = pending.get(node);
    pending.delete(node);
    const place = targets.get(node);
    if (!grads || grads.every((grad) => grad === null) || (leading && !leading.has(node))) {
      grads?.forEach((grad) => grad?.dispose());
      if (!retain && place === undefined) node.release();
    } else if (place !== undefined) results[place] = grads[0]!;
    else if (node.leaf) accumulateLeaf(node.leaf, grads[0]!);
    else pass(node, grads, pending, retain, leading);
  }
  return results;
}

/** The nodes from which one of the targets can be reached, and the targets themselves. */
function leadingTo(targets: ReadonlyMap<TapeNode, number>, nodes: readonly TapeNode[]): ReadonlySet<TapeNode> {
  const leading = new Set<TapeNode>(targets.keys());
  for (let i = nodes.length - 1; i >= 0; i--) {
    const node = nodes[i]!;
    if (node.edges.some((edge) => edge !== null && leading.has(edge))) leading.add(node);
  }
  return leading;
}

function checkGradient(root: Tensor, gradient: Tensor): void {
  checkTensor("backward", gradient);
  if (!sameShape(gradient.shape, root.shape)) {
    throw new ShapeError(
      `backward: the gradient does not fit: it is ${formatShape(gradient.shape)}, the tensor is ${formatShape(root.shape)}`,
    );
  }
  if (gradient.device !== root.device) {
    throw new DeviceError(
      `backward: the gradient is on another device: it is on ${gradient.device}, the tensor on ${root.device}: ` +
        `move it with gradient.to("${root.device}")`,
    );
  }
  if (gradient.dtype !== gradientDType(root.dtype)) {
    throw new DTypeError(
      `backward: the gradient's dtype does not fit: it is ${gradient.dtype}, the tensor is ${root.dtype}, expected ${gradientDType(root.dtype)}`,
    );
  }
}

/** Runs one node and hands its results on. What the op's backward made on the way is released. */
function pass(
  node: TapeNode,
  grads: readonly (Tensor | null)[],
  pending: Map<TapeNode, (Tensor | null)[]>,
  retain: boolean,
  leading: ReadonlySet<TapeNode> | null,
): void {
  const scope = enterScope();
  const results: Tensor[] = [];
  const collected: Tensor[] = [];
  const collect = (i: number): Tensor | null => {
    const row = pending.get(node.edges[i]!);
    const before = row?.[node.edgeOutputs[i]!];
    if (!row || !before?.isContiguous) return null;
    row[node.edgeOutputs[i]!] = null;
    collected.push(before);
    return before;
  };
  try {
    const needs = leading ? node.edges.map((edge) => edge !== null && leading.has(edge)) : node.needs;
    // What the backward function makes of nothing is made where the gradients are.
    const { stream } = grads.find((grad) => grad !== null)!.storage;
    const run = (): readonly (Tensor | null)[] => onStream(stream, () => node.run(grads, needs, collect));
    const inputGrads = watching ? watchBackward(node, run) : run();
    for (let i = 0; i < node.edges.length; i++) {
      const edge = node.edges[i];
      let grad = inputGrads[i] ?? null;
      if (!edge || grad === null || !needs[i]) continue;
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
    leaveScope(scope, (member) => results.includes(member as Tensor));
  }
  for (const tensor of collected) tensor.dispose();
  for (const grad of grads) grad?.dispose();
  if (!retain) node.release();
}

function sameTensor(tensor: Tensor): Tensor {
  const alias = tensor.alias();
  if (tensor.requiresGrad) alias.attach(nodeOf(tensor), tensor.outputIndex);
  return alias;
}

function accumulateLeaf(leaf: Tensor, grad: Tensor): void {
  const before = leaf.grad;
  let total = grad;
  if (before) {
    total = add(before, grad);
    before.dispose();
    grad.dispose();
  } else if (!liesLike(leaf, grad) || grad.storage.references > 1) {
    // A gradient that shares memory with another tensor would change with it.
    total = copy([grad], undefined)[0]!;
    grad.dispose();
  }
  total.kept = true;
  leaf.grad = total;
}

/** Whether the gradient has memory of its own for each element, in row-major order or the leaf's. */
function liesLike(leaf: Tensor, { strides, storage, size, dtype }: Tensor): boolean {
  if (strides === null) return true;
  return leaf.strides !== null && sameShape(strides, leaf.strides) && storage.bytes === size * dtypeInfo[dtype].size;
}

function slots(node: TapeNode): (Tensor | null)[] {
  return new Array<Tensor | null>(node.outputCount).fill(null);
}

/** Every node that the start depends on, users before what they use; with targets, those as young as they are. */
function reachable(start: TapeNode, targets: ReadonlyMap<TapeNode, number>): TapeNode[] {
  let oldest = -1;
  if (targets.size > 0) oldest = Math.min(...Array.from(targets.keys(), ({ order }) => order));
  const seen = new Set<TapeNode>([start]);
  const stack = [start];
  for (let node = stack.pop(); node; node = stack.pop()) {
    if (targets.has(node)) continue;
    for (const edge of node.edges) {
      if (edge && edge.order >= oldest && !seen.has(edge)) {
        seen.add(edge);
        stack.push(edge);
      }
    }
  }
  return [...seen].sort((a, b) => b.order - a.order);
}

addMethod("backward", backward);
