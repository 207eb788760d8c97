import { ArgumentError, ShapeError, describe } from "../errors.js";
import { isInteger, type DType } from "../dtype.js";
import { checkOptions } from "../checks.js";
import { tidy } from "../memory.js";
import { checkTensor, copy, defineOp } from "../op.js";
import { checkShape, formatShape } from "../shape.js";
import { addMethod, type Tensor } from "../tensor.js";
import { checkChoice } from "./arguments.js";
import { tensor, toInteger } from "./creation.js";
import { gather } from "./gather.js";
import { constantOf } from "./scalar.js";
import { slice } from "./slice.js";

/** What a new element is: one value, or an element inside, mirrored without or with the edge, or the edge itself. */
export type PadMode = "constant" | "reflect" | "symmetric" | "edge";

/** Elements before and after each axis; one number stands for all of them. */
export type PadWidths = number | readonly (readonly [before: number, after: number])[];

export interface PadOptions {
  /** "constant" by default. */
  mode?: PadMode;
  /** The value of new elements in mode "constant"; 0 by default. */
  value?: number;
}

type Widths = readonly (readonly [before: number, after: number])[];

const MODES: readonly PadMode[] = ["constant", "reflect", "symmetric", "edge"];

const padOp = defineOp<{ widths: Widths }>({
  name: "pad",
  halves: true,
  infer: ([x], { widths }) => [
    { shape: x!.shape.map((size, axis) => widths[axis]![0] + size + widths[axis]![1]), dtype: x!.dtype },
  ],
  encode: ({ widths }) => widths.map(([before]) => before),
  backward: ({ grads, attrs: { widths }, inputShapes }) => [
    slice(
      grads[0]!,
      widths.map(([before], axis) => [before, before + inputShapes[0]![axis]!]),
    ),
    null,
  ],
});

/**
 * The tensor with new elements before and after each axis, as NumPy's `pad`: `[[1, 2], [0, 3]]` adds one row above and
 * two below, and three columns on the right. Mode "reflect" mirrors without the edge (2 1 | 0 1 2 | 1 0), "symmetric"
 * with it (1 0 | 0 1 2 | 2 1), "edge" repeats it; a width may exceed the tensor, which is then mirrored again. The
 * result is a copy.
 *
 * @throws ArgumentError for widths that are not one pair of integers of 0 or more an axis, an unknown mode, a value that
 * the dtype cannot hold, or a value in another mode than "constant". @throws ShapeError for a mode that needs elements
 * along an axis that has none.
 */
export function pad<D extends DType, R extends number>(
  x: Tensor<D, R>,
  widths: PadWidths,
  options: PadOptions = {},
): Tensor<D, R> {
  checkTensor("pad", x);
  checkOptions("pad", options, ["mode", "value"]);
  const mode = checkChoice("pad", "mode", options.mode ?? "constant", MODES);
  const sides = checkWidths(x, widths);
  const value = checkValue(x.dtype, mode, options.value);
  const shape: readonly number[] = x.shape;
  checkShape(
    "pad",
    shape.map((size, axis) => sides[axis]![0] + size + sides[axis]![1]),
  );
  if (shape.length === 0) return copy([x], undefined)[0]! as unknown as Tensor<D, R>;
  if (mode === "constant") {
    return padOp([x, constantOf(value, x)], { widths: sides })[0]! as unknown as Tensor<D, R>;
  }
  shape.forEach((size, axis) => {
    if (size === 0 && sides[axis]!.some((width) => width > 0)) {
      throw new ShapeError(
        `pad: mode "${mode}" needs an element along axis ${axis}: the shape is ${formatShape(shape)}`,
      );
    }
  });
  return tidy(() => padAxes(x, sides, mode)) as unknown as Tensor<D, R>;
}

function checkWidths({ shape }: Tensor, widths: unknown): Widths {
  const valid = (width: unknown): boolean => Number.isSafeInteger(width) && (width as number) >= 0;
  if (valid(widths)) return shape.map(() => [widths as number, widths as number]);
  const pairs: unknown[] | null = Array.isArray(widths) && widths.length === shape.length ? widths : null;
  if (!pairs?.every((pair) => Array.isArray(pair) && pair.length === 2 && pair.every(valid))) {
    throw new ArgumentError(
      `pad: the widths do not fit: ${describe(widths)}, the shape is ${formatShape(shape)}, expected a number of 0 or more or one [before, after] an axis`,
    );
  }
  return pairs as unknown as Widths;
}

function checkValue(dtype: DType, mode: PadMode, given: unknown): number {
  if (given === undefined) return 0;
  if (typeof given !== "number") {
    throw new ArgumentError(`pad: value is not a number: ${describe(given)}, expected a number`);
  }
  if (mode !== "constant") {
    throw new ArgumentError(`pad: mode "${mode}" takes no value: ${given}, expected mode "constant" or no value`);
  }
  return isInteger(dtype) ? toInteger("pad", dtype, given, () => "the value") : given;
}

/** One axis after another, each by a list of the places that its elements come from. */
function padAxes(x: Tensor, widths: Widths, mode: PadMode): Tensor {
  let result = x;
  widths.forEach(([before, after], axis) => {
    if (before + after === 0) return;
    const size = x.shape[axis]!;
    x.storage.stream.checkFits("pad", "int32", before + size + after);
    const places = Int32Array.from({ length: before + size + after }, (_, i) => source(i - before, size, mode));
    result = gather(result, tensor(places, { device: x.device }), axis);
  });
  return result === x ? copy([x], undefined)[0]! : result;
}

/** The place of 0 to size - 1 that stands at `place`, which may lie outside. */
function source(place: number, size: number, mode: PadMode): number {
  if (mode === "edge" || size === 1) return Math.min(size - 1, Math.max(0, place));
  const period = mode === "reflect" ? 2 * size - 2 : 2 * size;
  const at = ((place % period) + period) % period;
  return at < size ? at : mode === "reflect" ? period - at : period - 1 - at;
}

declare module "../tensor.js" {
  interface Tensor<D extends DType = DType, R extends number = number> {
    /** See {@link pad}. */
    pad(widths: PadWidths, options?: PadOptions): Tensor<D, R>;
  }
}
addMethod("pad", pad);
