import { NablaError } from "./errors.js";
import { cpuStream } from "./stream.js";
import type { DType } from "./dtype.js";
import type { Shape } from "./shape.js";
import { Tensor } from "./tensor.js";

/** What an op's backward function gets. */
export interface BackwardContext<A> {
  readonly attrs: A;
  /** The gradient of each output; null for an output that nothing depended on. */
  readonly grads: readonly (Tensor | null)[];
  /** The inputs that the op saves; reading another one is a mistake in the op. */
  readonly inputs: readonly Tensor[];
  /** The outputs that the op saves. */
  readonly outputs: readonly Tensor[];
  readonly inputShapes: readonly Shape[];
  readonly inputDTypes: readonly DType[];
  /** Which inputs want a gradient. */
  readonly needs: readonly boolean[];
}

/** One gradient an input; null where none is needed or there is none. */
export type Backward<A> = (context: BackwardContext<A>) => readonly (Tensor | null)[];

/** Places of the inputs and outputs whose values backward reads. */
export interface Saved {
  readonly inputs?: readonly number[];
  readonly outputs?: readonly number[];
}

class SavedTensor {
  private readonly tensor: Tensor;
  private readonly version: number;
  constructor(tensor: Tensor) {
    this.tensor = tensor;
    this.version = tensor.storage.version;
    tensor.storage.references++;
  }
  /** The saved value, usable even if the user disposed of the tensor. */
  restore(op: string): Tensor {
    const tensor = this.tensor;
    if (tensor.storage.version !== this.version) {
      throw new NablaError(
        "IN_PLACE",
        `${op}: a tensor that backward needs was changed in place: its shape is [${tensor.shape.join(",")}]`,
      );
    }
    if (!tensor.disposed) return tensor;
    const alias = tensor.alias();
    if (tensor.node) alias.attach(tensor.node, tensor.outputIndex);
    else alias.requiresGrad = tensor.requiresGrad;
    return alias;
  }
  release(): void {
    cpuStream().release(this.tensor.storage);
  }
}

let sequence = 0;

/** An executed op that `backward` will pass through, or a leaf that collects a gradient. */
export class TapeNode<A = unknown> {
  /** Grows with every op, so that inputs come before the ops that use them; -1 for leaves. */
  readonly order: number;
  readonly op: string;
  readonly attrs: A;
  /** The nodes that made the inputs; null where no gradient is needed. */
  readonly edges: (TapeNode | null)[] = [];
  readonly edgeOutputs: number[] = [];
  readonly needs: boolean[] = [];
  readonly inputShapes: Shape[] = [];
  readonly inputDTypes: DType[] = [];
  readonly outputCount: number;
  /** The leaf, in a node that stands for one. */
  readonly leaf: Tensor | null = null;
  private readonly backward: Backward<A> | null;
  private inputs: (SavedTensor | undefined)[] | null = [];
  private outputs: (SavedTensor | undefined)[] | null = [];

  constructor(op: string, attrs: A, outputCount: number, backward: Backward<A> | null, leaf: Tensor | null = null) {
    this.op = op;
    this.attrs = attrs;
    this.outputCount = outputCount;
    this.backward = backward;
    this.leaf = leaf;
    this.order = leaf ? -1 : sequence++;
  }

  connect(inputs: readonly Tensor[], outputs: readonly Tensor[], saved: Saved | undefined): void {
    for (let i = 0; i < inputs.length; i++) {
      const input = inputs[i]!;
      const needed = input.requiresGrad;
      this.needs.push(needed);
      this.inputShapes.push(input.shape);
      this.inputDTypes.push(input.dtype);
      this.edges.push(needed ? nodeOf(input) : null);
      this.edgeOutputs.push(input.outputIndex);
    }
    if (saved?.inputs) for (const i of saved.inputs) this.inputs![i] = new SavedTensor(inputs[i]!);
    if (saved?.outputs) for (const i of saved.outputs) this.outputs![i] = new SavedTensor(outputs[i]!);
  }

  /** Runs the op's backward function. */
  run(grads: readonly (Tensor | null)[]): readonly (Tensor | null)[] {
    if (this.inputs === null || this.outputs === null || this.backward === null) {
      throw new NablaError(
        "GRAPH",
        `backward: the graph was used before: ${this.op} has dropped what it saved; pass { retainGraph: true } to the first call`,
      );
    }
    return this.backward({
      attrs: this.attrs,
      grads,
      inputs: this.inputs.map((saved) => saved?.restore(this.op) as Tensor),
      outputs: this.outputs.map((saved) => saved?.restore(this.op) as Tensor),
      inputShapes: this.inputShapes,
      inputDTypes: this.inputDTypes,
      needs: this.needs,
    });
  }

  /** Drops what was saved; a second run is then an error. */
  release(): void {
    if (this.inputs) for (const saved of this.inputs) saved?.release();
    if (this.outputs) for (const saved of this.outputs) saved?.release();
    this.inputs = null;
    this.outputs = null;
  }
}

const leafNodes = new WeakMap<Tensor, TapeNode>();

/** The node that stands for a tensor in the graph: the op that made it, or the leaf itself. */
export function nodeOf(tensor: Tensor): TapeNode {
  if (tensor.node) return tensor.node;
  let node = leafNodes.get(tensor);
  if (!node) {
    node = new TapeNode<unknown>("leaf", undefined, 1, null, tensor);
    leafNodes.set(tensor, node);
  }
  return node;
}

let recording = true;

export function isRecording(): boolean {
  return recording;
}

/** Runs `fn` with recording switched on or off, and restores what was. */
export function withRecording<T>(on: boolean, fn: () => T): T {
  const before = recording;
  recording = on;
  try {
    return fn();
  } finally {
    recording = before;
  }
}

/** Puts an executed op on the tape, if one of its inputs wants a gradient. */
export function record<A>(
  op: string,
  attrs: A,
  inputs: readonly Tensor[],
  outputs: readonly Tensor[],
  backward: Backward<A>,
  save: Saved | ((attrs: A, needs: readonly boolean[]) => Saved) | undefined,
): void {
  const node = new TapeNode<A>(op, attrs, outputs.length, backward);
  node.connect(
    inputs,
    outputs,
    typeof save === "function"
      ? save(
          attrs,
          inputs.map((input) => input.requiresGrad),
        )
      : save,
  );
  for (let i = 0; i < outputs.length; i++) {
    const dtype = outputs[i]!.dtype;
    if (dtype === "float32" || dtype === "float64") outputs[i]!.attach(node as TapeNode, i);
  }
}
