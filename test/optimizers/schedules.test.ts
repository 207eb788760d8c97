import { describe, expect, it } from "vitest";
import { ArgumentError, optimizers, tensor } from "nabla";
import { kerasOptimizers, type ScheduleCase } from "../fixtures/keras_optimizers.js";

const { schedules } = optimizers;

describe("learning rates agree with Keras", () => {
  it.each(kerasOptimizers.schedules.map((c) => [c.schedule, c.options, c] as [string, object, ScheduleCase]))(
    "%s %j",
    (name, options, { rates }) => {
      type Make = new (options: object) => optimizers.schedules.LearningRateSchedule;
      const Class = (schedules as unknown as Record<string, Make>)[name]!;
      const schedule = new Class(options);
      expect(rates.length).toBe(kerasOptimizers.steps.length);
      kerasOptimizers.steps.forEach((step, i) => {
        // Keras was made to compute in float64; the powers and cosines of two libraries differ in the last bits.
        expect(Math.abs(schedule.call(step) - rates[i]!), `step ${step}`).toBeLessThanOrEqual(1e-13);
      });
    },
  );
});

describe("warmup", () => {
  it.each([
    new schedules.ExponentialDecay({ initialLearningRate: 0.4, decaySteps: 10, decayRate: 0.5, warmupSteps: 4 }),
    new schedules.CosineDecay({ initialLearningRate: 0.4, decaySteps: 10, warmupSteps: 4 }),
    new schedules.CosineDecayRestarts({ initialLearningRate: 0.4, firstDecaySteps: 10, warmupSteps: 4 }),
    new schedules.PiecewiseConstantDecay({ boundaries: [10], values: [0.4, 0.2], warmupSteps: 4 }),
    new schedules.PolynomialDecay({ initialLearningRate: 0.4, decaySteps: 10, warmupSteps: 4 }),
  ])("%# goes up to the first rate, and then the schedule begins", (schedule) => {
    expect(schedule.call(0)).toBe(0);
    [0.1, 0.2, 0.3, 0.4].forEach((rate, i) => expect(schedule.call(i + 1)).toBeCloseTo(rate, 12));
    expect(schedule.call(15)).toBeLessThan(0.4);
  });
});

describe("an optimizer with a schedule", () => {
  it("asks it before each step", () => {
    const w = tensor([0]);
    const schedule = new schedules.PiecewiseConstantDecay({ boundaries: [0, 1], values: [1, 0.5, 0.25] });
    const optimizer = new optimizers.SGD({ learningRate: schedule, parameters: [w] });
    const seen: number[] = [];
    for (let i = 0; i < 4; i++) {
      seen.push(optimizer.learningRate);
      w.grad = tensor([1]);
      optimizer.step();
    }
    expect(seen).toEqual([1, 0.5, 0.25, 0.25]);
    expect(w.itemSync()).toBe(-2);
  });

  it("takes one of your own, and another one later", () => {
    class Halving extends schedules.LearningRateSchedule {
      call(step: number): number {
        return 2 ** -step;
      }
    }
    const optimizer = new optimizers.Adam({ learningRate: new Halving() });
    optimizer.iterations = 3;
    expect(optimizer.learningRate).toBe(0.125);
    const other = new schedules.ExponentialDecay({ initialLearningRate: 0.5, decaySteps: 3, decayRate: 0.5 });
    optimizer.learningRate = other;
    expect(optimizer.learningRate).toBe(0.25);
    const fixed = new optimizers.Adam();
    fixed.learningRate = other;
    expect(fixed.learningRate).toBe(0.5);
  });

  it("refuses a fixed rate, and one that is none", () => {
    const schedule = new schedules.CosineDecay({ initialLearningRate: 0.5, decaySteps: 3 });
    const optimizer = new optimizers.Adam({ learningRate: schedule });
    expect(() => (optimizer.learningRate = 0.1)).toThrow(
      "Adam: the learning rate cannot be set: it comes from CosineDecay, expected another schedule",
    );
    class Wrong extends schedules.LearningRateSchedule {
      call(): number {
        return NaN;
      }
    }
    const w = tensor([1]);
    w.grad = tensor([1]);
    const wrong = new optimizers.SGD({ learningRate: new Wrong(), parameters: [w] });
    expect(() => wrong.step()).toThrow("SGD: learningRate is wrong: NaN");
    expect(wrong.iterations).toBe(0);
    expect(w.itemSync()).toBe(1);
    expect(() => new optimizers.SGD({ learningRate: "fast" as never })).toThrow(
      'SGD: learningRate is wrong: "fast", expected a number of 0 or more, or a schedule',
    );
  });
});

describe("wrong options", () => {
  const rate = { initialLearningRate: 0.1 };
  it.each([
    [
      () => new schedules.ExponentialDecay({ ...rate, decaySteps: 0, decayRate: 0.5 }),
      "ExponentialDecay: decaySteps is wrong: 0, expected a positive integer",
    ],
    [
      () => new schedules.ExponentialDecay({ ...rate, decaySteps: 1 } as never),
      "ExponentialDecay: decayRate is wrong: undefined",
    ],
    [
      () => new schedules.ExponentialDecay({ ...rate, decaySteps: 1, decayRate: 1, staircase: 1 as never }),
      "ExponentialDecay: staircase is wrong: 1, expected true or false",
    ],
    [() => new schedules.CosineDecay(undefined as never), "CosineDecay: the options are not an object: undefined"],
    [
      () => new schedules.CosineDecay({ ...rate, decaySteps: 5, warmup_steps: 3 } as never),
      'CosineDecay: unknown option: "warmup_steps", did you mean "warmupSteps"?',
    ],
    [
      () => new schedules.CosineDecay({ ...rate, decaySteps: 5, warmupSteps: -1 }),
      "CosineDecay: warmupSteps is wrong: -1, expected an integer of 0 or more",
    ],
    [
      () => new schedules.CosineDecay({ ...rate, decaySteps: 5, warmupTarget: NaN }),
      "CosineDecay: warmupTarget is wrong: NaN",
    ],
    [() => new schedules.CosineDecay({ ...rate, decaySteps: 5, alpha: -1 }), "CosineDecay: alpha is wrong: -1"],
    [
      () => new schedules.CosineDecayRestarts({ ...rate, firstDecaySteps: 5, tMul: 0.5 }),
      "CosineDecayRestarts: tMul is wrong: 0.5, expected a number of 1 or more that is finite",
    ],
    [
      () => new schedules.CosineDecayRestarts({ ...rate, firstDecaySteps: 5, mMul: -1 }),
      "CosineDecayRestarts: mMul is wrong: -1",
    ],
    [
      () => new schedules.PiecewiseConstantDecay({ boundaries: [1, 2], values: [1, 2] }),
      "PiecewiseConstantDecay: the number of values does not fit: 2 for 2 boundaries, expected 3",
    ],
    [
      () => new schedules.PiecewiseConstantDecay({ boundaries: [2, 2], values: [1, 2, 3] }),
      "PiecewiseConstantDecay: boundary 1 is wrong: 2, expected more than the one before, 2",
    ],
    [
      () => new schedules.PiecewiseConstantDecay({ boundaries: 1 as never, values: [1, 2] }),
      "PiecewiseConstantDecay: boundaries is wrong: 1, expected an array of steps",
    ],
    [
      () => new schedules.PiecewiseConstantDecay({ boundaries: [1], values: 1 as never }),
      "PiecewiseConstantDecay: values is wrong: 1, expected an array of learning rates",
    ],
    [
      () => new schedules.PiecewiseConstantDecay({ boundaries: [NaN], values: [1, 2] }),
      "PiecewiseConstantDecay: boundary 0 is wrong: NaN, expected a finite number",
    ],
    [
      () => new schedules.PiecewiseConstantDecay({ boundaries: [1], values: [1, -1] }),
      "PiecewiseConstantDecay: value 1 is wrong: -1",
    ],
    [() => new schedules.PolynomialDecay({ ...rate, decaySteps: 5, power: -1 }), "PolynomialDecay: power is wrong: -1"],
    [
      () => new schedules.PolynomialDecay({ ...rate, decaySteps: 5, endLearningRate: -1 }),
      "PolynomialDecay: endLearningRate is wrong: -1",
    ],
    [
      () => new schedules.PolynomialDecay({ ...rate, decaySteps: 5, cycle: 1 as never }),
      "PolynomialDecay: cycle is wrong: 1",
    ],
  ])("%# is refused", (use, message) => {
    expect(use).toThrow(ArgumentError);
    expect(use).toThrow(message);
  });
});
