import { describe, expect, it } from "vitest";
import { ArgumentError, ShapeError, applications, memory, tensor, zeros } from "nabla";
import { checkErrors } from "../support/check-errors.js";

const { preprocessInput } = applications;
const pixel = [10, 128, 255];

describe("applications.preprocessInput", () => {
  // By hand, from the definitions.
  it.each([
    ["caffe", [255 - 103.939, 128 - 116.779, 10 - 123.68]],
    ["tf", [10 / 127.5 - 1, 128 / 127.5 - 1, 1]],
    ["torch", [(10 / 255 - 0.485) / 0.229, (128 / 255 - 0.456) / 0.224, (1 - 0.406) / 0.225]],
  ] as const)("%s, of an image or a batch, of any dtype", (mode, expected) => {
    for (const dtype of ["uint8", "int32", "float16", "float32", "float64"] as const) {
      for (const shape of [
        [1, 1, 3],
        [1, 1, 1, 3],
      ]) {
        const x = tensor(pixel).cast(dtype).reshape(shape);
        const y = preprocessInput(x, { mode });
        expect([y.dtype, y.shape]).toEqual([dtype === "float64" ? dtype : "float32", shape]);
        const values = y.flatten().toArraySync() as number[];
        // Three roundings of float32; those of float64 below them.
        values.forEach((value, i) =>
          expect(Math.abs(value - expected[i]!)).toBeLessThan(dtype === "float64" ? 1e-12 : 3e-5),
        );
      }
    }
  });

  it.each(["caffe", "tf", "torch"] as const)("%s leaves one tensor", (mode) => {
    const x = zeros([2, 2, 3]);
    preprocessInput(x, { mode }).dispose(); // Scalars that ops meet are kept for the next time.
    const before = memory().tensors;
    using y = preprocessInput(x, { mode });
    expect(y.shape).toEqual(x.shape);
    expect(memory().tensors).toBe(before + 1);
  });

  it("is that of Caffe unless told otherwise", () => {
    const x = tensor(pixel, { shape: [1, 1, 3] });
    expect(preprocessInput(x).toArraySync()).toEqual(preprocessInput(x, { mode: "caffe" }).toArraySync());
  });

  it("keeps pixels where they are", () => {
    const x = tensor(
      Array.from({ length: 2 * 3 * 4 * 3 }, (_, i) => i),
      { shape: [2, 3, 4, 3] },
    );
    const y = preprocessInput(x, { mode: "caffe" });
    const blue = x.index(1, 2, 3, 2).itemSync();
    expect(y.index(1, 2, 3, 0).itemSync()).toBe(Math.fround(blue - Math.fround(103.939)));
  });
});

checkErrors({
  "applications.preprocessInput": [
    [
      () => preprocessInput(zeros([4, 4])),
      ShapeError,
      "applications.preprocessInput: neither an image nor a batch of them: the shape is [4,4], " +
        "expected [height, width, channels] or [batch, height, width, channels]",
    ],
    [
      () => preprocessInput(zeros([4, 4, 1])),
      ShapeError,
      "applications.preprocessInput: the images are not RGB: the shape is [4,4,1], expected 3 channels",
    ],
    [
      () => preprocessInput(zeros([4, 4, 3]), { mode: "keras" as "tf" }),
      ArgumentError,
      'applications.preprocessInput: unknown mode: "keras", expected one of caffe, tf, torch',
    ],
  ],
});
