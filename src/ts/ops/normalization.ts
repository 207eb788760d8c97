import { ArgumentError, DTypeError, ShapeError } from "../errors.js";
import { checkRange } from "../checks.js";
import { checkTensor } from "../op.js";
import { formatShape, sameShape, sizeOf, type Shape } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { add, mul, sub } from "./binary.js";
import { expandTo } from "./broadcast.js";
import { mean, sumTo } from "./reduce.js";
import { rsqrt, square } from "./unary.js";

/** What the checks take for a scale or an offset that is left out. */
export type Optional = Tensor | null | undefined;

/** @internal @throws ArgumentError unless epsilon is a finite number of 0 or more. */
export function checkEpsilon(op: string, epsilon: unknown): number {
  return checkRange(op, "epsilon", epsilon, 0);
}

/**
 * @internal Checks a tensor of coefficients, such as gamma; null when it is left out.
 *
 * @throws ShapeError, DTypeError when it does not fit x.
 */
export function checkCoefficient(op: string, name: string, given: Optional, shape: Shape, x: Tensor): Tensor | null {
  if (given === null || given === undefined) return null;
  checkTensor(op, given);
  if (!sameShape(given.shape, shape)) {
    throw new ShapeError(
      `${op}: ${name} does not fit: it is ${formatShape(given.shape)}, expected ${formatShape(shape)}: x is ${formatShape(x.shape)}`,
    );
  }
  if (given.dtype !== x.dtype) {
    throw new DTypeError(`${op}: ${name}'s dtype does not fit: it is ${given.dtype}, x is ${x.dtype}`);
  }
  return given;
}

/** @internal What layerNorm and rmsNorm know of their rows. */
export interface RowAttributes {
  readonly epsilon: number;
  /** How many of the last axes are normalised together. */
  readonly axes: number;
  readonly gamma: boolean;
}

/** @internal The shape of a row. */
export function trailing(x: Tensor, { axes }: RowAttributes): Shape {
  return x.shape.slice(x.rank - axes);
}

/** @internal The number of rows. */
export function rowsOf(x: Tensor, attrs: RowAttributes): number {
  return x.size / Math.max(1, sizeOf(trailing(x, attrs)));
}

/** @internal The attributes as the kernels want them. */
export function encodeRows(attrs: RowAttributes, [x]: readonly Tensor[]): readonly number[] {
  return [attrs.epsilon, sizeOf(trailing(x!, attrs)), Number(attrs.gamma)];
}

/** @internal The shape of the trailing axes that are normalised. @throws ArgumentError when `axes` are others. */
export function trailingShape(op: string, axes: readonly number[], shape: Shape): Shape {
  const first = shape.length - axes.length;
  if (axes.length === 0 || axes[0] !== first) {
    throw new ArgumentError(
      `${op}: the axes are not the last ones: they are ${formatShape(axes)}, the tensor has ${shape.length} dimensions`,
    );
  }
  return shape.slice(first);
}

interface GradientOfGradient {
  readonly x: Tensor;
  readonly dy: Tensor;
  /** Broadcasts to x. */
  readonly gamma: Tensor | null;
  /** The gradients of dx, dgamma and dbeta, as far as there are any. */
  readonly grads: readonly (Tensor | null | undefined)[];
  /** The axes that are normalised together. */
  readonly axes: readonly number[];
  /** Whether the mean is taken off. */
  readonly centered: boolean;
  readonly epsilon: number;
}

/**
 * @internal The gradients, with respect to x, dy and gamma, of the gradients of a normalization y = z gamma + beta
 * with z = (x - mean) r, in tensor ops on x, so that derivatives of any order are right. With
 * P(v) = v - mean(v) - z mean(v z), whose matrix is symmetric, the derivative of z is r P, and
 * dx = r P(dy gamma), dgamma = sum(dy z), dbeta = sum(dy).
 */
export function normGradBackward(given: GradientOfGradient): [dx: Tensor, ddy: Tensor, dgamma: Tensor | null] {
  const { x, dy, gamma, axes, centered, epsilon } = given;
  const [g, gGamma, gBeta] = given.grads;
  const average = (v: Tensor): Tensor => mean(v, { axis: axes, keepDims: true });
  const distance = centered ? sub(x, average(x)) : x;
  const r = rsqrt(add(average(square(distance)), epsilon));
  const z = mul(distance, r);
  const project = (v: Tensor): Tensor => {
    const rest = sub(v, mul(z, average(mul(v, z))));
    return centered ? sub(rest, average(v)) : rest;
  };
  const scaled = (v: Tensor): Tensor => (gamma ? mul(v, gamma) : v);

  const byDy: Tensor[] = [];
  let byZ: Tensor[] = [];
  let byR: Tensor | null = null;
  let byGamma: Tensor | null = null;
  if (g) {
    const w = scaled(dy);
    const slope = mul(r, project(g));
    byDy.push(scaled(slope));
    if (gamma) byGamma = sumTo(mul(dy, slope), gamma.shape);
    const crossed = add(mul(g, average(mul(w, z))), mul(w, average(mul(g, z))));
    byZ = [mul(mul(r, crossed), -1)];
    // Each element of x changes r by -r^2 z / n.
    byR = mul(mul(square(r), z), average(mul(g, project(w))));
  }
  if (gGamma) {
    byDy.push(mul(z, gGamma));
    byZ.push(mul(dy, gGamma));
  }
  if (gBeta) byDy.push(expandTo(gBeta, dy.shape));
  const total = (parts: readonly Tensor[]): Tensor => parts.reduce((a, b) => add(a, b), mul(x, 0));
  const throughZ = mul(r, project(total(byZ)));
  return [byR ? sub(throughZ, byR) : throughZ, total(byDy), byGamma];
}
