import { describe, expect, it } from "vitest";
import { ArgumentError, memory, optimizers, tensor, zeros, type Tensor } from "nabla";

/** The gradients that a step used: those of a step of 1 from 0, without momentum. */
function clipped(options: optimizers.SGDOptions, gradients: readonly Tensor[]): number[][] {
  const parameters = gradients.map((gradient) => {
    const parameter: Tensor = zeros(gradient.shape, { dtype: gradient.dtype as "float32" });
    parameter.grad = gradient;
    return parameter;
  });
  new optimizers.SGD({ learningRate: 1, parameters, ...options }).step();
  return parameters.map((parameter) => [...parameter.dataSync()].map((value) => 0 - value));
}

/** Pseudo-random numbers from -1 to 1. */
function noise(size: number): Float32Array {
  let state = 1;
  return Float32Array.from({ length: size }, () => {
    state = (state * 48271) % 2147483647;
    return (2 * state) / 2147483647 - 1;
  });
}

function norm(values: readonly number[]): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}

describe("clipValue", () => {
  it("bounds each element, and passes NaN", () => {
    const values = [-Infinity, -2, -0.5, 0, 0.25, 0.5, 3, Infinity, NaN];
    const expected = [-0.5, -0.5, -0.5, 0, 0.25, 0.5, 0.5, 0.5, NaN];
    expect(clipped({ clipValue: 0.5 }, [tensor(values)])).toEqual([expected]);
    expect(clipped({ clipValue: 0.5 }, [tensor(values, { dtype: "float64" })])).toEqual([expected]);
  });
});

describe("clipNorm", () => {
  it("scales each gradient whose norm is greater, and leaves the others' bits alone", () => {
    const sizes = [1, 2, 3, 15, 17, 63, 65, 127, 1009, 16384, 16385, 40_000];
    const gradients = sizes.map((size) => tensor(noise(size)));
    const result = clipped({ clipNorm: 4 }, gradients);
    gradients.forEach((gradient, i) => {
      const values = [...gradient.dataSync()];
      const size = norm(values);
      const scale = size > 4 ? 4 / size : 1;
      // The quotient is rounded once, the product once.
      values.forEach((value, j) =>
        expect(Math.abs(result[i]![j]! - value * scale)).toBeLessThanOrEqual(2.4e-7 * scale),
      );
      if (size <= 4) expect(result[i]).toEqual(values);
      else expect(norm(result[i]!)).toBeCloseTo(4, 5);
    });
  });

  it("is right where squares of floats overflow or vanish", () => {
    const [large] = clipped({ clipNorm: 1 }, [tensor([3e30, -4e30])]);
    expect(large![0]).toBeCloseTo(0.6, 6);
    expect(large![1]).toBeCloseTo(-0.8, 6);
    const [small] = clipped({ clipNorm: 1e-30 }, [tensor([3e-28, -4e-28])]);
    expect(small![0]! * 1e30).toBeCloseTo(0.6, 6);
    expect(small![1]! * 1e30).toBeCloseTo(-0.8, 6);
  });

  it("concerns one gradient where that is NaN or infinite", () => {
    const result = clipped({ clipNorm: 1 }, [tensor([NaN, 1]), tensor([Infinity, 1]), tensor([0.5]), zeros([0])]);
    expect(result).toEqual([[NaN, NaN], [NaN, 0], [0.5], []]);
  });

  it("takes gradients in any layout", () => {
    const gradient = tensor(noise(15), { shape: [3, 5] });
    const [result] = clipped({ clipNorm: 1 }, [gradient.transpose()]);
    const [expected] = clipped({ clipNorm: 1 }, [tensor(gradient.transpose().toArraySync() as number[][])]);
    expect(result).toEqual(expected);
  });
});

describe("globalClipNorm", () => {
  it("scales all gradients by one factor", () => {
    const result = clipped({ globalClipNorm: 1 }, [tensor([3, 0]), zeros([0]), tensor([[-4]], { dtype: "float64" })]);
    expect(result[0]![0]).toBeCloseTo(0.6, 7);
    expect(result[2]![0]).toBeCloseTo(-0.8, 14);
  });
  it("leaves gradients alone whose norm is below", () => {
    const gradients = [tensor(noise(17)), tensor(noise(3))];
    expect(clipped({ globalClipNorm: 100 }, gradients)).toEqual(gradients.map((gradient) => [...gradient.dataSync()]));
    expect(clipped({ globalClipNorm: 1 }, [zeros([3])])[0]!.every((value) => value === 0)).toBe(true);
  });
  it("is NaN where any gradient is NaN or infinite", () => {
    for (const bad of [NaN, Infinity]) {
      expect(clipped({ globalClipNorm: 1 }, [tensor([bad]), tensor([1])])).toEqual([[NaN], [NaN]]);
    }
  });
  it("keeps no tensor", () => {
    const w = zeros([3]);
    const optimizer = new optimizers.SGD({ globalClipNorm: 1, parameters: [w] });
    w.grad = tensor([3, 4, 5]);
    optimizer.step();
    const before = memory().tensors;
    optimizer.step();
    expect(memory().tensors).toBe(before);
  });
});

describe("wrong use", () => {
  it.each([
    [{ clipNorm: 0 }, "SGD: clipNorm is wrong: 0, expected a positive number"],
    [{ clipValue: -1 }, "SGD: clipValue is wrong: -1, expected a positive number"],
    [{ globalClipNorm: Infinity }, "SGD: globalClipNorm is wrong: Infinity, expected a positive number"],
    [{ clipNorm: "1" as never }, 'SGD: clipNorm is wrong: "1", expected a positive number'],
    [
      { clipNorm: 1, globalClipNorm: 1 },
      "SGD: there is more than one kind of clipping: clipNorm and globalClipNorm, expected at most one",
    ],
    [{ clipnorm: 1 } as never, 'SGD: unknown option: "clipnorm", did you mean "clipNorm"?'],
  ])("%j is refused", (options, message) => {
    expect(() => new optimizers.SGD(options)).toThrow(ArgumentError);
    expect(() => new optimizers.SGD(options)).toThrow(message);
  });
});
