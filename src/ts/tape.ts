import { noteCall, watching } from "./anomaly.js";
import { NablaError } from "./errors.js";
import { gradientDType, type DType } from "./dtype.js";
import type { Shape } from "./shape.js";
import type { Storage } from "./stream.js";
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
  /** For ops whose kernels can add to their result. */
  readonly collect: Collect;
}

/**
 * Takes the gradient that an input has got so far from other ops: what backward returns for the input must be its sum with
 * that. Null where there is none in row-major order; what backward returns is then added as usual.
 */
export type Collect = (input: number) => Tensor | null;

/** One gradient an input; null where none is needed or there is none. */
export type Backward<A> = (context: BackwardContext<A>) => readonly (Tensor | null)[];

/** Places of the inputs and outputs whose values backward reads. */
export interface Saved {
  readonly inputs?: readonly number[];
  readonly outputs?: readonly number[];
}

class SavedTensor {
  private readonly tensor: Tensor;
  /** That of the tensor when it was saved. */
  private readonly storage: Storage;
  private readonly version: number;
  constructor(tensor: Tensor) {
    this.tensor = tensor;
    this.storage = tensor.storage;
    this.version = tensor.storage.version;
    tensor.storage.references++;
  }
  /** The saved value, usable even if the user disposed of the tensor. */
  restore(op: string): Tensor {
    const tensor = this.tensor;
    if (tensor.storage !== this.storage || this.storage.version !== this.version) {
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
    this.storage.release();
  }
}

let sequence = 0;

const NOTHING: readonly (SavedTensor | null)[] = [];
const NO_TENSORS: Tensor[] = [];

/** An executed op that `backward` will pass through, or a leaf that collects a gradient. */
export class TapeNode<A = unknown> {
  /** Grows with every op, so that inputs come before the ops that use them; -1 for leaves. */
  readonly order: number;
  readonly op: string;
  readonly attrs: A;
  /** The nodes that made the inputs; null where no gradient is needed. */
  readonly edges: (TapeNode | null)[];
  readonly edgeOutputs: number[];
  readonly needs: boolean[];
  readonly inputShapes: Shape[];
  readonly inputDTypes: DType[];
  readonly outputCount: number;
  /** The leaf, in a node that stands for one. */
  readonly leaf: Tensor | null;
  private readonly backward: Backward<A> | null;
  private inputs = NOTHING;
  private outputs = NOTHING;
  private released = false;

  constructor(
    op: string,
    attrs: A,
    inputs: number,
    outputs: number,
    backward: Backward<A> | null,
    leaf: Tensor | null,
  ) {
    this.op = op;
    this.attrs = attrs;
    this.outputCount = outputs;
    this.backward = backward;
    this.leaf = leaf;
    this.order = leaf ? -1 : sequence++;
    this.edges = new Array<TapeNode | null>(inputs);
    this.edgeOutputs = new Array<number>(inputs);
    this.needs = new Array<boolean>(inputs);
    this.inputShapes = new Array<Shape>(inputs);
    this.inputDTypes = new Array<DType>(inputs);
  }

  connect(inputs: readonly Tensor[]): void {
    for (let i = 0; i < inputs.length; i++) {
      const input = inputs[i]!;
      const needed = input.requiresGrad;
      this.needs[i] = needed;
      this.inputShapes[i] = input.shape;
      this.inputDTypes[i] = input.dtype;
      this.edges[i] = needed ? nodeOf(input) : null;
      this.edgeOutputs[i] = input.outputIndex;
    }
  }

  save(inputs: readonly Tensor[], outputs: readonly Tensor[], saved: Saved): void {
    if (saved.inputs) this.inputs = pick(inputs, saved.inputs);
    if (saved.outputs) this.outputs = pick(outputs, saved.outputs);
  }

  /** Runs the op's backward function for those inputs that `needs` marks, of those that want a gradient. */
  run(grads: readonly (Tensor | null)[], needs: readonly boolean[], collect: Collect): readonly (Tensor | null)[] {
    if (this.released || this.backward === null) {
      throw new NablaError(
        "GRAPH",
        `backward: the graph was used before: ${this.op} has dropped what it saved; pass { retainGraph: true } to the first call`,
      );
    }
    return this.backward({
      attrs: this.attrs,
      grads,
      inputs: this.restore(this.inputs),
      outputs: this.restore(this.outputs),
      inputShapes: this.inputShapes,
      inputDTypes: this.inputDTypes,
      needs,
      collect,
    });
  }

  private restore(saved: readonly (SavedTensor | null)[]): Tensor[] {
    return saved === NOTHING ? NO_TENSORS : saved.map((entry) => entry?.restore(this.op) as Tensor);
  }

  /** Drops what was saved; a second run is then an error. */
  release(): void {
    for (const saved of this.inputs) saved?.release();
    for (const saved of this.outputs) saved?.release();
    this.inputs = NOTHING;
    this.outputs = NOTHING;
    this.released = true;
  }
}

function pick(tensors: readonly Tensor[], places: readonly number[]): (SavedTensor | null)[] {
  const saved = new Array<SavedTensor | null>(tensors.length).fill(null);
  for (let i = 0; i < places.length; i++) saved[places[i]!] = new SavedTensor(tensors[places[i]!]!);
  return saved;
}

/** The node that stands for a tensor in the graph: the op that made it, or the leaf itself. */
export function nodeOf(tensor: Tensor): TapeNode {
  return tensor.node ?? (tensor.leafNode ??= new TapeNode<unknown>("leaf", undefined, 0, 1, null, tensor));
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
  const node = new TapeNode<A>(op, attrs, inputs.length, outputs.length, backward, null);
  if (watching) noteCall(node);
  node.connect(inputs);
  const saved = typeof save === "function" ? save(attrs, node.needs) : save;
  if (saved !== undefined) node.save(inputs, outputs, saved);
  for (let i = 0; i < outputs.length; i++) {
    if (gradientDType(outputs[i]!.dtype) !== null) outputs[i]!.attach(node as TapeNode, i);
  }
}
