import { wrong } from "../checks.js";
import { ArgumentError } from "../errors.js";
import { isFloating } from "../dtype.js";
import { add, mul, sub } from "../ops/binary.js";
import { cast } from "../ops/cast.js";
import { equal } from "../ops/compare.js";
import { tensor } from "../ops/creation.js";
import { argMax, sum } from "../ops/reduce.js";
import { expandDims, reshape } from "../ops/reshape.js";
import { round } from "../ops/unary.js";
import type { Tensor } from "../tensor.js";

/** What a sample counts in the loss, by its class; those of classes that are not named count 1. */
export class ClassWeight {
  private readonly op: string;
  private readonly classes: readonly number[];
  private readonly weights: readonly number[];

  /** @throws ArgumentError for what does not map integers to numbers, and for a model of several outputs. */
  constructor(op: string, given: unknown, outputs: number) {
    const isRecord = typeof given === "object" && given !== null && !Array.isArray(given);
    const entries = isRecord ? Object.entries(given) : [];
    const isWeight = ([key, weight]: [string, unknown]): boolean =>
      Number.isSafeInteger(Number(key)) && typeof weight === "number" && weight >= 0 && weight < Infinity;
    const bad = entries.find((entry) => !isWeight(entry));
    if (bad) throw wrong(op, `classWeight[${bad[0]}]`, bad[1], "an integer class with a finite weight of 0 or more");
    if (entries.length === 0) throw wrong(op, "classWeight", given, "an object such as { 0: 1, 1: 5 }");
    if (outputs > 1) {
      throw new ArgumentError(
        `${op}: classWeight is for models of one output: this one has ${outputs}, give a sampleWeight for each output`,
      );
    }
    this.op = op;
    this.classes = entries.map(([key]) => Number(key));
    this.weights = entries.map(([, weight]) => weight as number);
  }

  /**
   * The weight of each sample. Targets in the shape of the results stand for the most probable class.
   *
   * @throws ArgumentError when the batch has weights of its own.
   */
  of(yTrue: Tensor, yPred: Tensor, ownWeights: readonly Tensor[] | null): Tensor {
    if (ownWeights) throw bothGiven(this.op);
    const { device } = yPred;
    const isClass = cast(
      equal(expandDims(classesOf(yTrue, yPred), -1), tensor([...this.classes], { dtype: "float32", device })),
      "float32",
    );
    const known = sum(mul(isClass, tensor([...this.weights], { dtype: "float32", device })), { axis: -1 });
    return add(known, sub(1, sum(isClass, { axis: -1 })));
  }
}

export function bothGiven(op: string): ArgumentError {
  return new ArgumentError(`${op}: sampleWeight and classWeight are both given: expected one of them`);
}

function classesOf(yTrue: Tensor, yPred: Tensor): Tensor {
  if (yTrue.rank < yPred.rank || yTrue.shape.at(-1) === 1) {
    const labels = yTrue.rank < yPred.rank ? yTrue : reshape(yTrue, yTrue.shape.slice(0, -1));
    return cast(isFloating(labels.dtype) ? round(labels) : labels, "float32");
  }
  return cast(argMax(yTrue, { axis: -1 }), "float32");
}
