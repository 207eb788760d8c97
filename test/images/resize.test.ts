import { expect, it } from "vitest";
import { ArgumentError, ShapeError, checkGradients, images, tensor, zeros } from "nabla";
import { checkErrors } from "../support/check-errors.js";

const batch = tensor(
  Array.from({ length: 2 * 3 * 4 }, (_, i) => (i * i) % 17),
  { shape: [2, 3, 4, 1] },
);

it("images.resize takes an image or a batch, and is resize2d", () => {
  const expected = batch.resize2d([5, 6]);
  expect(images.resize(batch, [5, 6]).toArraySync()).toEqual(expected.toArraySync());
  const one = images.resize(batch.index(1), [5, 6]);
  expect(one.shape).toEqual([5, 6, 1]);
  expect(one.toArraySync()).toEqual(expected.index(1).toArraySync());
  const nearest = images.resize(batch.cast("uint8"), [6, 8], { method: "nearest" });
  expect([nearest.dtype, nearest.shape]).toEqual(["uint8", [2, 6, 8, 1]]);
});

it("images.resize has gradients, also of one image", async () => {
  await checkGradients((x) => images.resize(x, [5, 2]), [batch.index(0)]);
});

checkErrors({
  "images.resize": [
    [
      () => images.resize(zeros([4, 4]), [2, 2]),
      ShapeError,
      "images.resize: neither an image nor a batch of them: the shape is [4,4], " +
        "expected [height, width, channels] or [batch, height, width, channels]",
    ],
    [
      () => images.resize(batch, [2, 2], { alignCorners: true } as never),
      ArgumentError,
      'images.resize: unknown option: "alignCorners", expected one of method',
    ],
    [
      () => images.resize(batch, [2] as never),
      ArgumentError,
      "resize2d: the size is out of range: [2], expected two positive integers: [height, width]",
    ],
  ],
});
