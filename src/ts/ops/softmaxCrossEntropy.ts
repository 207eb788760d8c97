import { ArgumentError, DTypeError, ShapeError } from "../errors.js";
import { isInteger, type DType } from "../dtype.js";
import { checkTensor, defineOp, type Op } from "../op.js";
import { formatShape, sameShape, sizeOf } from "../shape.js";
import { addMethod, type Tensor } from "../tensor.js";
import { checkChoice, checkFloating, checkNumber } from "./arguments.js";
import { checkOptions } from "../checks.js";
import { mul, sub } from "./binary.js";
import { cast } from "./cast.js";
import { ones } from "./creation.js";
import { mean, sum } from "./reduce.js";
import { expandDims, reshape } from "./reshape.js";
import { softmaxGrad } from "./softmax.js";
import { exp } from "./unary.js";

const REDUCTIONS = ["mean", "sum", "none"] as const;

export interface SoftmaxCrossEntropyOptions {
  /** Over the samples: "mean" (the default), "sum", or "none" for one loss a sample. */
  reduction?: (typeof REDUCTIONS)[number];
  /**
   * The part of the target that is spread evenly over all classes, from 0 to 1 (Szegedy et al., "Rethinking the Inception
   * Architecture for Computer Vision", 2016). 0 by default.
   */
  labelSmoothing?: number;
}

interface Attributes {
  readonly labelSmoothing: number;
}

// logits [N, C], labels [N] or [N, C] -> loss [N], logSumExp [N]
const lossOp: Op<Attributes> = defineOp({
  name: "softmaxCrossEntropy",
  infer: ([logits]) => {
    const spec = { shape: [logits!.shape[0]!], dtype: logits!.dtype };
    return [spec, spec];
  },
  encode: ({ labelSmoothing }) => [labelSmoothing],
  contiguous: true,
  save: { inputs: [0, 1], outputs: [1] },
  backward: ({ grads, inputs, outputs, attrs }) => {
    const [logits, labels] = inputs as [Tensor, Tensor];
    return [gradOp([logits, labels, outputs[1]!.detach(), grads[0]!], attrs)[0]!, null];
  },
});

// logits, labels, logSumExp, dloss -> dlogits = dloss (softmax(logits) - target)
const gradOp: Op<Attributes> = defineOp({
  name: "softmaxCrossEntropyGrad",
  infer: ([logits]) => [{ shape: logits!.shape, dtype: logits!.dtype }],
  encode: ({ labelSmoothing }) => [labelSmoothing],
  contiguous: true,
  save: { inputs: [0, 1, 2, 3] },
  backward: ({ grads, inputs, needs, attrs }) => {
    const g = grads[0]!;
    const [logits, labels, logSumExp, dloss] = inputs as [Tensor, Tensor, Tensor, Tensor];
    const byLogits = (): Tensor => {
      const probabilities = exp(sub(logits, expandDims(logSumExp, 1)));
      return mul(expandDims(dloss, 1), softmaxGrad(probabilities, g));
    };
    const byLoss = (): Tensor => {
      const one = ones(dloss.shape, { dtype: dloss.dtype, device: dloss.device });
      return sum(mul(g, gradOp([logits, labels, logSumExp, one], attrs)[0]!), { axis: 1 });
    };
    return [needs[0] ? byLogits() : null, null, null, needs[3] ? byLoss() : null];
  },
});

/**
 * The cross-entropy between softmax(logits) and a target, along the last axis, in one pass and safe for large
 * logits. The target is class numbers (int32, the logits' shape without the last axis) or probabilities (the
 * logits' shape); it gets no gradient. A class number outside the logits' classes is an IndexError of the next wait.
 *
 * @throws ShapeError when logits and target do not fit. @throws DTypeError for integer logits.
 * @throws ArgumentError for a labelSmoothing outside 0 to 1.
 */
export function softmaxCrossEntropy<D extends DType>(
  logits: Tensor<D>,
  target: Tensor,
  options: SoftmaxCrossEntropyOptions = {},
): Tensor<D> {
  checkTensor("softmaxCrossEntropy", logits);
  checkTensor("softmaxCrossEntropy", target);
  checkOptions("softmaxCrossEntropy", options, ["reduction", "labelSmoothing"]);
  const reduction = checkChoice("softmaxCrossEntropy", "reduction", options.reduction ?? "mean", REDUCTIONS);
  const labelSmoothing = checkNumber("softmaxCrossEntropy", "labelSmoothing", options.labelSmoothing ?? 0);
  if (labelSmoothing < 0 || labelSmoothing > 1) {
    throw new ArgumentError(`softmaxCrossEntropy: labelSmoothing is out of range: ${labelSmoothing}, expected 0 to 1`);
  }
  checkFloating("softmaxCrossEntropy", "logits", logits);
  const dense = checkTarget(logits, target);
  const classes = logits.shape.at(-1)!;
  const rows = logits.shape.slice(0, -1);
  const wanted: DType = dense ? logits.dtype : "int32";
  const temporaries: Tensor[] = [];
  const temporary = (tensor: Tensor): Tensor => {
    temporaries.push(tensor);
    return tensor;
  };
  const flatLogits = logits.rank === 2 ? logits : temporary(reshape(logits, [sizeOf(rows), classes]));
  let flatTarget = target.dtype === wanted ? target : temporary(cast(target, wanted));
  if (logits.rank !== 2) flatTarget = temporary(reshape(flatTarget, dense ? flatLogits.shape : [sizeOf(rows)]));
  const [loss, logSumExp] = lossOp([flatLogits, flatTarget], { labelSmoothing }) as [Tensor, Tensor];
  logSumExp.dispose();
  for (const made of temporaries) made.dispose();
  const result =
    reduction === "mean"
      ? mean(loss)
      : reduction === "sum"
        ? sum(loss)
        : logits.rank === 2
          ? loss
          : reshape(loss, rows);
  if (result !== loss) loss.dispose();
  return result as Tensor<D>;
}

/** Whether the target is probabilities. @throws ShapeError, DTypeError when it is neither these nor class numbers. */
function checkTarget(logits: Tensor, target: Tensor): boolean {
  if (logits.rank === 0 || logits.shape.at(-1) === 0) {
    throw new ShapeError(
      `softmaxCrossEntropy: the logits have no classes: their shape is ${formatShape(logits.shape)}`,
    );
  }
  if (sameShape(logits.shape, target.shape)) return true;
  const rows = logits.shape.slice(0, -1);
  if (!sameShape(rows, target.shape)) {
    throw new ShapeError(
      `softmaxCrossEntropy: the target does not fit: the logits are ${formatShape(logits.shape)}, the target is ${formatShape(target.shape)}, expected ${formatShape(rows)} or ${formatShape(logits.shape)}`,
    );
  }
  if (!isInteger(target.dtype)) {
    throw new DTypeError(
      `softmaxCrossEntropy: class numbers are not integers: the target is ${target.dtype}, expected int32`,
    );
  }
  return false;
}

declare module "../tensor.js" {
  interface Tensor<D extends DType = DType> {
    /** This tensor as the logits of {@link softmaxCrossEntropy}. */
    softmaxCrossEntropy(target: Tensor, options?: SoftmaxCrossEntropyOptions): Tensor<D>;
  }
}
addMethod("softmaxCrossEntropy", softmaxCrossEntropy);
