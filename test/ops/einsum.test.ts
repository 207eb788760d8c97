import { describe, expect, test } from "vitest";
import { ArgumentError, ShapeError, einsum, memory, randn, tensor, zeros } from "nabla";
import { cases } from "../cases/einsum.js";
import { einsum as reference } from "../reference/einsum.js";
import { checkErrors } from "../support/check-errors.js";
import { checkOp } from "../support/check-op.js";
import { checkSecondDerivative } from "../support/second-derivative.js";

checkOp({
  op: "einsum",
  cases,
  run: (inputs, { equation }) => einsum(equation, ...inputs),
  reference,
  dtypes: ["float32", "float64", "int32", "uint8", "bool"],
  outputDType: (dtype) => (dtype.startsWith("float") ? dtype : "int32"),
});

test("dtypes are promoted", () => {
  const result = einsum("i,i", tensor([1.5, 2]), tensor([2, 3], { dtype: "int32" }));
  expect(result.dtype).toBe("float32");
  expect(result.itemSync()).toBe(9);
  expect(einsum("i,i", tensor([1], { dtype: "float64" }), tensor([true])).dtype).toBe("float64");
});

test("one operand of which nothing is summed gives a view", () => {
  const x = randn([3, 3]);
  for (const equation of ["ij->ji", "ij", "ii->i"]) expect(einsum(equation, x).storage).toBe(x.storage);
  expect(einsum("ij", x)).not.toBe(x);
});

test("leaves nothing behind but its result", () => {
  const a = randn([3, 4, 4]);
  const b = randn([4, 5]);
  const before = memory().tensors;
  einsum("abb,bc,c->a", a, b, randn([5])).dispose();
  expect(memory().tensors).toBe(before + 1); // the last operand
});

test("a contraction makes no tensor of all letters", () => {
  const a = randn([200, 100]);
  const b = randn([100, 200]);
  const c = randn([200, 100]);
  einsum("ij,jk,kl->il", a, b, c).dataSync();
  // 200 · 100 · 200 · 100 elements would be 1.6 GB.
  expect(memory().peakBytes).toBeLessThan(64 * 2 ** 20);
});

describe("second derivatives", () => {
  test.each([
    [
      "ij,jk->ik",
      [
        [2, 3],
        [3, 2],
      ],
    ],
    ["iij->j", [[2, 2, 3]]],
    ["i,i->i", [[3], [3]]],
    ["ii,i,ij->j", [[2, 2], [2], [2, 2]]],
    ["...i,i->...", [[2, 1, 2], [2]]],
    ["ij->ji", [[2, 3]]],
  ] as [string, number[][]][])("%s", (equation, shapes) => {
    checkSecondDerivative((...inputs) => einsum(equation, ...inputs), shapes);
  });
});

const m23 = zeros([2, 3]);
const v2 = zeros([2]);
checkErrors({
  einsum: [
    [
      () => einsum(3 as never, m23),
      ArgumentError,
      'einsum: the equation is not a string: 3, expected one like "ij,jk->ik"',
    ],
    [
      () => einsum("ij->i->j", m23),
      ArgumentError,
      'einsum: the equation has several "->": "ij->i->j", expected at most one',
    ],
    [
      () => einsum("i..j", m23),
      ArgumentError,
      'einsum: the equation is malformed: "i..j" in "i..j", expected letters and at most one "..."',
    ],
    [
      () => einsum("ij->i1", m23),
      ArgumentError,
      'einsum: the equation is malformed: "i1" in "ij->i1", expected letters and at most one "..."',
    ],
    [() => einsum("ij,jk", m23), ArgumentError, 'einsum: the number of operands differs: "ij,jk" names 2, there are 1'],
    [() => einsum("ij"), ArgumentError, 'einsum: the number of operands differs: "ij" names 1, there are 0'],
    [
      () => einsum("ij,j", m23, m23),
      ShapeError,
      'einsum: operand 1 does not fit "ij,j": its shape is [2,3], expected 1 dimension',
    ],
    [
      () => einsum("...ijk", m23),
      ShapeError,
      'einsum: operand 0 does not fit "...ijk": its shape is [2,3], expected 3 dimensions or more',
    ],
    [() => einsum("ij->iz", m23), ArgumentError, 'einsum: the output letter "z" is in no operand: "ij->iz"'],
    [() => einsum("ij->ii", m23), ArgumentError, 'einsum: the output letter "i" is named twice: "ij->ii"'],
    [
      () => einsum("...j->j", m23),
      ArgumentError,
      'einsum: the output leaves out the axes of "...": "...j->j", expected "..." behind "->" too',
    ],
    [() => einsum("ij,j", m23, v2), ShapeError, 'einsum: the sizes of "j" differ: operand 0 has 3, operand 1 has 2'],
    [() => einsum("ii", m23), ShapeError, 'einsum: the sizes of "i" differ: operand 0 has 2 and 3'],
    [() => einsum("ii", zeros([1, 3])), ShapeError, 'einsum: the sizes of "i" differ: operand 0 has 1 and 3'],
    [
      () => einsum("...,...", m23, v2),
      ShapeError,
      'einsum: the sizes of "..." differ: operand 0 has 3, operand 1 has 2',
    ],
    [
      () => einsum("abcde,fghij", zeros([1, 1, 1, 1, 1]), zeros([1, 1, 1, 1, 1])),
      ShapeError,
      "einsum: too many dimensions: an intermediate result has 10, at most 8 are possible",
    ],
    [() => einsum("i", 3 as never), ArgumentError, "einsum: not a tensor: 3, expected a Tensor"],
  ],
});
