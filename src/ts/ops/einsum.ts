import { ShapeError } from "../errors.js";
import { isFloating, promote, type DType, type Promote } from "../dtype.js";
import { tidy } from "../memory.js";
import { checkTensor, defineView, type View } from "../op.js";
import { MAX_RANK, contiguousStrides, sizeOf } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { mul } from "./binary.js";
import { cast } from "./cast.js";
import { parseEquation, type Equation, type Label } from "./einsum-equation.js";
import { matmul } from "./matmul.js";
import { sum } from "./reduce.js";
import { reshape } from "./reshape.js";
import { viewGrad } from "./slice.js";
import { permute } from "./transpose.js";

/** `axes[i]` is the axis of the result that axis i of the input goes to; axes with the same one form a diagonal. */
const diagonal: View<{ axes: readonly number[] }> = defineView({
  name: "diagonal",
  view: (x, { axes }) => {
    const given = x.strides ?? contiguousStrides(x.shape);
    const shape: number[] = [];
    const strides: number[] = [];
    axes.forEach((axis, i) => {
      shape[axis] = x.shape[i]!;
      strides[axis] = (strides[axis] ?? 0) + given[i]!;
    });
    return { shape, strides, offset: x.offset };
  },
  backward: ({ grads, attrs, inputShapes }) => [viewGrad(diagonal, attrs, grads[0]!, inputShapes[0]!)],
});

/** A tensor whose axes have labels, each once. */
interface Labelled {
  readonly value: Tensor;
  readonly labels: readonly Label[];
}

type Sizes = ReadonlyMap<Label, number>;

/**
 * Einstein's sum, NumPy's `einsum`: letters name the axes of each operand, axes with the same letter are multiplied
 * together, and letters that are not in the output are summed over: `einsum("bij,bjk->bik", a, b)` is a batched
 * product, "ii" a trace, "ij->ji" a transpose. "..." stands for any further axes, which broadcast. Without "->" the
 * output has the axes of "..." and then, in alphabetical order, the letters that occur once. An axis of size 1
 * broadcasts to its letter's size.
 *
 * Operands are contracted from left to right, two at a time, by matrix products where letters of both are summed over.
 * Dtypes are promoted; integers and bools give int32. A single operand of which nothing is summed gives a view.
 *
 * @throws ArgumentError for a malformed equation. @throws ShapeError when an operand has not as many axes as its
 * letters, the sizes of a letter differ, or an intermediate result has more than 8 dimensions.
 */
export function einsum<D extends DType>(
  equation: string,
  ...operands: readonly Tensor<D>[]
): Tensor<Promote<D, "int32">> {
  for (const operand of operands) checkTensor("einsum", operand);
  const parsed = parseEquation(
    equation,
    operands.map((operand) => operand.shape),
  );
  const dtype = promote(operands.map((operand): DType => operand.dtype).reduce(promote), "int32");
  return tidy(() => contractAll(operands, parsed, dtype)) as Tensor<Promote<D, "int32">>;
}

function contractAll(operands: readonly Tensor[], { inputs, output, sizes }: Equation, dtype: DType): Tensor {
  const prepared = operands.map((operand, i) => withoutRepeats(cast(operand, dtype), inputs[i]!, sizes));
  const terms = prepared.map((term, i) => {
    const others = prepared.flatMap((other, j) => (j === i ? [] : other.labels));
    return sumOut(term, new Set([...others, ...output]));
  });
  let result = terms[0]!;
  for (let i = 1; i < terms.length; i++) {
    const later = terms.slice(i + 1).flatMap((term) => term.labels);
    result = contract(result, terms[i]!, new Set([...later, ...output]), sizes);
  }
  return order(result, output);
}

/** Takes the diagonal of axes with the same label, and drops axes of size 1 that another operand's broadcast. */
function withoutRepeats(x: Tensor, labels: readonly Label[], sizes: Sizes): Labelled {
  const unique = [...new Set(labels)];
  const value = unique.length < labels.length ? diagonal(x, { axes: labels.map((l) => unique.indexOf(l)) }) : x;
  const kept = unique.filter((label, axis) => value.shape[axis] === sizes.get(label));
  return { value: kept.length < unique.length ? reshape(value, sizesOf(kept, sizes)) : value, labels: kept };
}

/** Sums over the labels that nobody needs. */
function sumOut({ value, labels }: Labelled, needed: ReadonlySet<Label>): Labelled {
  const axis = labels.flatMap((label, i) => (needed.has(label) ? [] : [i]));
  if (axis.length === 0) return { value, labels };
  return { value: sum(value, { axis }), labels: labels.filter((label) => needed.has(label)) };
}

/** The product of two operands, summed over the labels that both have and nobody needs any more. */
function contract(a: Labelled, b: Labelled, needed: ReadonlySet<Label>, sizes: Sizes): Labelled {
  const shared = a.labels.filter((label) => b.labels.includes(label));
  const batch = shared.filter((label) => needed.has(label));
  const summed = shared.filter((label) => !needed.has(label));
  const left = a.labels.filter((label) => !shared.includes(label));
  const right = b.labels.filter((label) => !shared.includes(label));
  const labels = [...batch, ...left, ...right];
  const matrices = summed.length > 0 && isFloating(a.value.dtype);
  const rank = labels.length + (matrices ? 0 : summed.length);
  if (rank > MAX_RANK) {
    throw new ShapeError(
      `einsum: too many dimensions: an intermediate result has ${rank}, at most ${MAX_RANK} are possible`,
    );
  }
  const size = (list: readonly Label[]): number => sizeOf(sizesOf(list, sizes));
  if (matrices) {
    const head = batch.length > 0 ? [size(batch)] : [];
    const x = reshape(order(a, [...batch, ...left, ...summed]), [...head, size(left), size(summed)]);
    const y = reshape(order(b, [...batch, ...summed, ...right]), [...head, size(summed), size(right)]);
    return { value: reshape(matmul(x, y), sizesOf(labels, sizes)), labels };
  }
  const every = [...labels, ...summed];
  const x = stretched(order(a, [...batch, ...left, ...summed]), every, a.labels, sizes);
  const y = stretched(order(b, [...batch, ...right, ...summed]), every, b.labels, sizes);
  return sumOut({ value: mul(x, y), labels: every }, new Set(labels));
}

/** Puts axes of size 1 where `every` has labels that the tensor does not. */
function stretched(x: Tensor, every: readonly Label[], own: readonly Label[], sizes: Sizes): Tensor {
  return reshape(
    x,
    every.map((label) => (own.includes(label) ? sizes.get(label)! : 1)),
  );
}

function order({ value, labels }: Labelled, wanted: readonly Label[]): Tensor {
  return permute(
    value,
    wanted.map((label) => labels.indexOf(label)),
  );
}

function sizesOf(labels: readonly Label[], sizes: Sizes): number[] {
  return labels.map((label) => sizes.get(label)!);
}
