import { checkBoolean, checkPositive, checkRange, wrong } from "../checks.js";
import { ArgumentError, DTypeError, ShapeError } from "../errors.js";
import { checkTensor } from "../op.js";
import { add } from "../ops/binary.js";
import { logicalAnd } from "../ops/compare.js";
import { matmul } from "../ops/matmul.js";
import { reshape } from "../ops/reshape.js";
import { scaledDotProductAttention } from "../ops/scaledDotProductAttention.js";
import { swapAxes } from "../ops/transpose.js";
import type { InitializerLike } from "../resolve.js";
import { formatShape, sameShape } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { formatBatchShape, knownSize, shapeList, type BatchShape } from "./batchShape.js";
import { Layer, type CallOptions, type LayerOptions } from "./layer.js";

export interface MultiHeadAttentionOptions extends LayerOptions {
  /** How many heads attend side by side. */
  numHeads: number;
  /** The size of each head's queries and keys. */
  keyDim: number;
  /** The size of each head's values; keyDim by default. */
  valueDim?: number;
  /** The part of the probabilities that becomes 0 in training; 0 by default. */
  dropout?: number;
  /** Whether the projections add a bias; true by default. */
  useBias?: boolean;
  /** The result's axes behind [batch, time]; the size of the query's last axis by default. */
  outputShape?: number | readonly number[];
  /** "glorotUniform" by default. */
  kernelInitializer?: InitializerLike;
  /** "zeros" by default. */
  biasInitializer?: InitializerLike;
}

export interface AttentionCallOptions extends CallOptions {
  /** Which keys a query attends to: bool [batch, queries, keys] or [batch, heads, queries, keys]. Null, the default, for all. */
  readonly attentionMask: Tensor | null;
  /** Which steps of the value count: bool [batch, keys]; by default `mask`, the query's, where both are one tensor. */
  readonly valueMask: Tensor | null;
  /** Which steps of the key count: bool [batch, keys]. Null, the default, when all do. */
  readonly keyMask: Tensor | null;
  /** Whether step i attends to the steps 0 ... i only; false by default. */
  readonly useCausalMask: boolean;
}

/** Query, value and key (the value unless given), each [batch, time, features]; one tensor is all of them. */
export type AttentionInput = Tensor | readonly Tensor[];

/**
 * Multi-head attention (Vaswani et al., "Attention is all you need", 2017): query, key and value are projected to each
 * head's sizes, every head attends by itself (see `scaledDotProductAttention`), and the heads' results are projected
 * together to [batch, queries, features]. A query that attends to no key gets the bias. The result's mask is the query's,
 * which in self-attention also says what is attended to. As Keras' layer, with weights in its order, but for queries
 * that the mask excludes: they attend as the others do.
 *
 * @throws ShapeError when query, value, key or a mask do not fit together. @throws DTypeError for a mask that is not bool.
 * @throws ArgumentError for a list of another length than two or three.
 */
export class MultiHeadAttention extends Layer<AttentionInput, Tensor, AttentionCallOptions> {
  readonly numHeads: number;
  readonly keyDim: number;
  readonly valueDim: number;
  readonly dropout: number;
  readonly useBias: boolean;
  readonly outputShape: readonly number[] | null;
  protected override readonly takesList = true;
  protected override readonly callOptions = [
    "training",
    "mask",
    "attentionMask",
    "valueMask",
    "keyMask",
    "useCausalMask",
  ];
  private readonly initializers: { kernel: InitializerLike; bias: InitializerLike };
  /** Kernel and bias of query, key, value and output. */
  private projections: (readonly [Tensor, Tensor | undefined])[] = [];

  constructor(options: MultiHeadAttentionOptions) {
    super(options, [
      "numHeads",
      "keyDim",
      "valueDim",
      "dropout",
      "useBias",
      "outputShape",
      "kernelInitializer",
      "biasInitializer",
    ]);
    this.numHeads = checkPositive(this.name, "numHeads", options.numHeads);
    this.keyDim = checkPositive(this.name, "keyDim", options.keyDim);
    this.valueDim = checkPositive(this.name, "valueDim", options.valueDim ?? this.keyDim);
    this.dropout = checkRange(this.name, "dropout", options.dropout ?? 0, 0, 1);
    this.useBias = checkBoolean(this.name, "useBias", options.useBias ?? true);
    const shape = options.outputShape ?? null;
    const sizes = typeof shape === "number" ? [shape] : shape;
    if (sizes?.length === 0) throw wrong(this.name, "outputShape", shape, "at least one size");
    this.outputShape = sizes && sizes.map((size) => checkPositive(this.name, "outputShape", size));
    this.initializers = {
      kernel: options.kernelInitializer ?? "glorotUniform",
      bias: options.biasInitializer ?? "zeros",
    };
    this.inputSpec = { rank: 3 };
  }

  override build(inputShape: BatchShape | readonly BatchShape[]): void {
    const { numHeads, keyDim, valueDim } = this;
    const [query, value, key] = this.operandShapes(inputShape);
    const sizes = [query, key, value].map((shape) => knownSize(this.name, shape, -1));
    this.projections = [
      this.addProjection("query", [sizes[0]!], [numHeads, keyDim]),
      this.addProjection("key", [sizes[1]!], [numHeads, keyDim]),
      this.addProjection("value", [sizes[2]!], [numHeads, valueDim]),
      this.addProjection("attentionOutput", [numHeads, valueDim], this.outputShape ?? [sizes[0]!]),
    ];
  }

  call(x: AttentionInput, options: AttentionCallOptions): Tensor {
    return this.attend(x, options);
  }

  /** @internal `apply(x, options)` plus a residual of its shape, if one is given: the last projection adds it. */
  applyAdding(x: AttentionInput, residual?: Tensor, options: Partial<AttentionCallOptions> = {}): Tensor {
    if (!residual) return this.apply(x, options);
    // A subclass may compute something else.
    if (this.call !== MultiHeadAttention.prototype.call) return add(this.apply(x, options), residual);
    return this.attend(this.accept(x), this.acceptOptions(x, options), residual);
  }

  private attend(x: AttentionInput, options: AttentionCallOptions, residual?: Tensor): Tensor {
    const [query, value, key] = this.operands(x);
    const [q, k, v] = [query, key, value].map((each, i) => this.heads(each, i)) as [Tensor, Tensor, Tensor];
    const y = scaledDotProductAttention(q, k, v, {
      mask: this.attended(query, value, options),
      causal: options.useCausalMask,
      dropout: options.training ? this.dropout : 0,
    });
    const [batch, time] = query.shape as [number, number];
    const [kernel, bias] = this.projections[3]!;
    const inner = this.numHeads * this.valueDim;
    const outer = kernel.shape.slice(2);
    const joined = reshape(swapAxes(y, 1, 2), [batch, time, inner]);
    const added = residual && reshape(residual, [batch, time, kernel.size / inner]);
    return reshape(this.project(joined, kernel, bias, inner, added), [batch, time, ...outer]);
  }

  override computeOutputShape(inputShape: BatchShape | readonly BatchShape[]): BatchShape {
    const [query] = this.operandShapes(inputShape);
    return [...query.slice(0, 2), ...(this.outputShape ?? query.slice(2))];
  }

  /** Checks how the tensors fit together before weights are made for them. */
  protected override accept<X extends AttentionInput>(x: X): X {
    const operands = this.operands(x);
    for (const operand of operands) checkTensor(this.name, operand);
    this.checkFit(...operands);
    return super.accept(x);
  }

  protected override acceptOptions(x: AttentionInput, options: Partial<AttentionCallOptions>): AttentionCallOptions {
    const { training, mask } = super.acceptOptions(x, options);
    const { attentionMask = null, keyMask = null } = options;
    const same = !Array.isArray(x) || x[0] === x[1];
    const valueMask = options.valueMask ?? (same ? mask : null);
    const useCausalMask = checkBoolean(this.name, "useCausalMask", options.useCausalMask ?? false);
    return { training, mask, attentionMask, valueMask, keyMask, useCausalMask };
  }

  private operands(x: AttentionInput): [Tensor, Tensor, Tensor] {
    return Array.isArray(x) ? this.completed(x as Tensor[]) : [x as Tensor, x as Tensor, x as Tensor];
  }

  private operandShapes(given: BatchShape | readonly BatchShape[]): [BatchShape, BatchShape, BatchShape] {
    const list = shapeList(given);
    return list.length === 1 ? [list[0]!, list[0]!, list[0]!] : this.completed(list);
  }

  private completed<T>(list: readonly T[]): [T, T, T] {
    const [query, value, key = value] = list;
    if (list.length === 2 || list.length === 3) return [query!, value!, key!];
    throw new ArgumentError(
      `${this.name}: the input is wrong: a list of ${list.length}, expected a tensor, [query, value] or [query, value, key]`,
    );
  }

  private addProjection(
    name: string,
    from: readonly number[],
    to: readonly number[],
  ): readonly [Tensor, Tensor | undefined] {
    const { kernel, bias } = this.initializers;
    const weight = this.addWeight({ name: `${name}Kernel`, shape: [...from, ...to], initializer: kernel });
    return [weight, this.useBias ? this.addWeight({ name: `${name}Bias`, shape: to, initializer: bias }) : undefined];
  }

  /** [batch, time, features] -> [batch, heads, time, size]: a view of the product, which attention reads in place. */
  private heads(x: Tensor, projection: number): Tensor {
    const [kernel, bias] = this.projections[projection]!;
    const [batch, time, features] = x.shape as [number, number, number];
    const y = this.project(x, kernel, bias, features);
    return swapAxes(reshape(y, [batch, time, ...kernel.shape.slice(1)]), 1, 2);
  }

  private project(x: Tensor, kernel: Tensor, bias: Tensor | undefined, inputs: number, residual?: Tensor): Tensor {
    const outputs = kernel.size / inputs;
    return matmul(x, reshape(kernel, [inputs, outputs]), { bias: bias && reshape(bias, [outputs]), residual });
  }

  private checkFit(query: Tensor, value: Tensor, key: Tensor): void {
    let problem = "";
    if (value.shape[0] !== query.shape[0] || key.shape[0] !== query.shape[0]) problem = "the batches differ";
    else if (value.shape[1] !== key.shape[1]) problem = "the lengths of key and value differ";
    const sizes = this.projections.slice(0, 3).map(([kernel]) => kernel.shape[0]!);
    if (!problem && this.built && [query, key, value].some(({ shape }, i) => shape[2] !== sizes[i])) {
      problem = `the features are not those of the weights, ${formatShape(sizes)} of query, key and value`;
    }
    if (problem === "") return;
    const [q, v, k] = [query, value, key].map(({ shape }) => formatBatchShape(shape));
    throw new ShapeError(`${this.name}: ${problem}: the query is ${q}, the value ${v}, the key ${k}`);
  }

  /** All masks but the causal one as one that broadcasts to [batch, heads, queries, keys]. */
  private attended(query: Tensor, value: Tensor, options: AttentionCallOptions): Tensor | null {
    const { attentionMask, valueMask, keyMask } = options;
    const [batch, queries, keys] = [query.shape[0]!, query.shape[1]!, value.shape[1]!];
    const masks: Tensor[] = [];
    for (const [name, given] of Object.entries({ valueMask, keyMask })) {
      if (!given) continue;
      this.checkMask(name, given, [[batch, keys]]);
      masks.push(reshape(given, [batch, 1, 1, keys]));
    }
    if (attentionMask) {
      const shape = [batch, this.numHeads, queries, keys];
      this.checkMask("attentionMask", attentionMask, [[batch, queries, keys], shape]);
      masks.push(attentionMask.rank === 4 ? attentionMask : reshape(attentionMask, [batch, 1, queries, keys]));
    }
    return masks.length > 0 ? masks.reduce((a, b) => logicalAnd(a, b)) : null;
  }

  private checkMask(name: string, mask: Tensor, shapes: readonly (readonly number[])[]): void {
    checkTensor(this.name, mask);
    if (mask.dtype !== "bool") {
      throw new DTypeError(`${this.name}: ${name} is not bool: its dtype is ${mask.dtype}, expected bool`);
    }
    if (shapes.some((shape) => sameShape(shape, mask.shape))) return;
    throw new ShapeError(
      `${this.name}: ${name} does not fit: its shape is ${formatShape(mask.shape)}, expected ${shapes.map(formatShape).join(" or ")}`,
    );
  }
}
