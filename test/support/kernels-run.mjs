// Every kernel on tensors that are large enough for several tasks, run as a process of its own: prints which kernels
// ran, and for each result a hash of its bits and some of its values. Argument: the folder of the compiled package.
import { createHash } from "node:crypto";
import { pathToFileURL } from "node:url";

const folder = pathToFileURL(`${process.argv[2]}/`);
const nabla = await import(new URL("index.js", folder).href);
const { currentStream } = await import(new URL("device.js", folder).href);
const { dropoutAdding } = await import(new URL("ops/dropout.js", folder).href);
const { loadAddon } = await import(new URL("native/load.js", folder).href);
const { add, optimizers, rand, randint, setSeed, tensor } = nabla;

const stream = currentStream();
const names = loadAddon().info().ops;
const ran = new Set();
const write = stream.write;
stream.write = function (kernel, ...operands) {
  ran.add(names[kernel]);
  return write.call(this, kernel, ...operands);
};

/** Not whole numbers of vectors, tiles or tasks. */
const MATRIX = [517, 387];
const IMAGES = [3, 37, 41, 24];

/** Uniform numbers are the same on every instruction set. */
const draw = (shape) => rand(shape, { low: -2, high: 2 });
const float = (shape) => rand(shape, { low: -2, high: 2, requiresGrad: true });

/** The results of f(...inputs) and the gradients of the inputs that want one. */
function run(f, ...inputs) {
  const result = f(...inputs);
  const outputs = Array.isArray(result) ? result : result instanceof nabla.Tensor ? [result] : Object.values(result);
  const losses = outputs.filter((y) => y.requiresGrad).map((y) => y.mul(draw(y.shape)).sum());
  if (losses.length > 0) losses.reduce((a, b) => add(a, b)).backward();
  return [...outputs, ...inputs.flatMap((x) => (x instanceof nabla.Tensor && x.grad ? [x.grad] : []))];
}

const unary = (name, options) => run((x) => nabla[name](x, ...(options ?? [])), float(MATRIX));
const positive = (name) => run((x) => nabla[name](x.abs().add(0.1)), float(MATRIX));
const binary = (name) => run((a, b) => nabla[name](a, b), float(MATRIX), float(MATRIX));
const broadcast = (name) => run((a, b) => nabla[name](a, b), float(MATRIX), float([MATRIX[1]]));
const plain = (name, ...args) => [nabla[name](draw(MATRIX), ...args)];
const bools = () => draw(MATRIX).greater(0);
const product = (a, b, options) => run((x, y) => nabla.matmul(x, y, options), float(a), float(b));
const convolution = (x, kernel, options) =>
  run((a, k, bias) => nabla.conv2d(a, k, { bias, ...options }), float(x), float(kernel), float([kernel[3]]));
const optimizer = (make) => {
  const parameters = [float(MATRIX), float([5]), float([70_001])];
  const gradients = parameters.map((p) => draw(p.shape));
  const chosen = make(parameters);
  for (let step = 0; step < 3; step++) {
    parameters.forEach((p, i) => (p.grad = gradients[i]));
    chosen.step();
  }
  return parameters;
};

const work = {
  ...Object.fromEntries(
    ["neg", "abs", "sign", "square", "exp", "tanh", "sigmoid", "expm1", "sin", "cos", "erf", "relu", "leakyRelu"].map(
      (name) => [name, () => unary(name)],
    ),
  ),
  ...Object.fromEntries(
    ["elu", "selu", "silu", "gelu", "softplus", "softmax", "logSoftmax"].map((name) => [name, () => unary(name)]),
  ),
  ...Object.fromEntries(["log", "sqrt", "rsqrt", "log1p"].map((name) => [name, () => positive(name)])),
  ...Object.fromEntries(
    ["floor", "ceil", "round", "isNaN", "argSort", "tril", "triu"].map((name) => [name, () => plain(name)]),
  ),
  ...Object.fromEntries(
    ["add", "sub", "mul", "div", "maximum", "minimum"].flatMap((name) => [
      [name, () => binary(name)],
      [`${name}, broadcast`, () => broadcast(name)],
    ]),
  ),
  ...Object.fromEntries(
    ["equal", "notEqual", "greater", "greaterEqual", "less", "lessEqual"].map((name) => [
      name,
      () => [nabla[name](draw(MATRIX), draw(MATRIX))],
    ]),
  ),
  "add and relu": () => run((a, b) => add(a, b, { activation: "relu" }), float(MATRIX), float(MATRIX)),
  cumSum: () => [0, 1].flatMap((axis) => unary("cumSum", [axis])),
  clip: () => unary("clip", [-0.5, 0.7]),
  pow: () => run((x) => nabla.pow(x.abs().add(0.1), 1.7), float(MATRIX)),
  "logical operations": () => [bools().logicalAnd(bools()), bools().logicalOr(bools()), bools().logicalNot()],
  where: () => run((a, b) => nabla.where(bools(), a, b), float(MATRIX), float(MATRIX)),
  "copy and cast": () => [draw(MATRIX).transpose().reshape([-1]), draw(MATRIX).mul(50).cast("int32")],
  creation: () => [nabla.arange(200_003), nabla.linspace(0, 1, 200_003), nabla.full(MATRIX, 3), tensor([1, 2, 3])],
  assign: () => {
    const x = draw(MATRIX);
    x.slice([null, [3, 300]]).assign(draw([MATRIX[0], 297]));
    return [x];
  },
  ...Object.fromEntries(
    ["sum", "mean", "max", "min", "prod", "variance", "logSumExp", "norm"].flatMap((name) =>
      [0, 1, undefined].map((axis) => [
        `${name} over ${axis ?? "everything"}`,
        () => run((x) => nabla[name](x, axis === undefined ? {} : { axis }), float(MATRIX)),
      ]),
    ),
  ),
  "all and any": () => [0, 1].flatMap((axis) => [bools().all({ axis }), bools().any({ axis })]),
  "argMax and argMin": () => [0, 1].flatMap((axis) => [draw(MATRIX).argMax({ axis }), draw(MATRIX).argMin({ axis })]),
  topK: () => Object.values(nabla.topK(draw(MATRIX), 7)),
  gather: () => run((x) => nabla.gather(x, randint([3001], { low: 0, high: 387 }), 1), float([129, 387])),
  embedding: () => run((table) => nabla.embedding(randint([3001], { low: 0, high: 500 }), table), float([500, 67])),
  takeAlongAxis: () =>
    run((x) => nabla.takeAlongAxis(x, randint(MATRIX, { low: 0, high: MATRIX[1] }), 1), float(MATRIX)),
  concat: () => run((a, b) => nabla.concat([a, b], 1), float(MATRIX), float(MATRIX)),
  pad: () => run((x) => nabla.pad(x, [[1, 2], [3, 0]]), float(MATRIX)), // prettier-ignore
  dropout: () => run((x) => nabla.dropout(x, 0.4), float(MATRIX)),
  "dropout and residual": () => run((x, residual) => dropoutAdding(x, 0.4, residual), float(MATRIX), float(MATRIX)),
  random: () => [nabla.randn(MATRIX), draw(MATRIX), nabla.truncatedNormal(MATRIX)],

  matmul: () => product([300, 211], [211, 307]),
  "matmul, bias and activation": () =>
    run(
      (a, b, bias) => nabla.matmul(a, b, { bias, activation: "tanh" }),
      float([300, 211]),
      float([211, 307]),
      float([307]),
    ),
  "matmul, deep": () => product([70, 3001], [3001, 75]),
  "matmul, one row": () => product([1, 1501], [1501, 1103]),
  "matmul, few rows": () => product([5, 1501], [1501, 1103]),
  "matmul, batched": () => product([37, 45, 67], [37, 67, 51]),
  "matmul, one matrix for a batch": () => product([7, 45, 67], [67, 51]),
  "matmul, transposed": () =>
    run((a, b) => nabla.matmul(a.transpose(), b.transpose()), float([211, 300]), float([307, 211])),
  "conv2d 3x3": () => convolution(IMAGES, [3, 3, 24, 40], { padding: "same", activation: "relu" }),
  "conv2d 3x3, many channels": () => convolution([2, 30, 29, 64], [3, 3, 64, 96], { padding: 1 }),
  "conv2d 5x5, strides and dilation": () =>
    convolution(IMAGES, [5, 5, 24, 33], { strides: 2, padding: "same", dilationRate: 1 }),
  "conv2d 3x3, dilated": () => convolution(IMAGES, [3, 3, 24, 33], { dilationRate: 2, padding: "same" }),
  "conv2d 7x7, three channels": () => convolution([3, 60, 61, 3], [7, 7, 3, 32], { strides: 2, padding: 3 }),
  "conv2d 1x1": () => convolution(IMAGES, [1, 1, 24, 70], {}),
  "conv2d, groups": () => convolution(IMAGES, [3, 3, 8, 36], { groups: 3 }),
  depthwiseConv2d: () =>
    run((x, k) => nabla.depthwiseConv2d(x, k, { padding: "same" }), float(IMAGES), float([3, 3, 24, 1])),
  maxPool2d: () => run((x) => nabla.maxPool2d(x, { poolSize: 3, strides: 2 }), float(IMAGES)),
  "maxPool2d twice": () =>
    run((x) => {
      const slope = nabla.grad((z) => nabla.maxPool2d(z, { poolSize: 2 }).square().sum())(x);
      return Array.isArray(slope) ? slope[0] : slope;
    }, float(IMAGES)),
  avgPool2d: () => run((x) => nabla.avgPool2d(x, { poolSize: 2 }), float(IMAGES)),
  resize2d: () => run((x) => nabla.resize2d(x, [50, 71], { method: "bilinear" }), float(IMAGES)),
  softmaxCrossEntropy: () =>
    run((x) => nabla.softmaxCrossEntropy(x, randint([517], { low: 0, high: 387 })), float(MATRIX)),
  lstm: () =>
    run(
      (x, w, u, b) => nabla.lstm(x.mul(0.3), w.mul(0.1), u.mul(0.1), b, { returnSequences: true }),
      float([37, 11, 67]),
      float([67, 4 * 45]),
      float([45, 4 * 45]),
      float([4 * 45]),
    ),
  "lstm, many units": () =>
    run(
      (x, w, u) => nabla.lstm(x.mul(0.3), w.mul(0.1), u.mul(0.05), null, { returnSequences: true, goBackwards: true }),
      float([19, 5, 131]),
      float([131, 4 * 203]),
      float([203, 4 * 203]),
    ),
  gru: () =>
    run(
      (x, w, u, b) => nabla.gru(x.mul(0.3), w.mul(0.1), u.mul(0.1), b, { returnSequences: true }),
      float([37, 11, 67]),
      float([67, 3 * 45]),
      float([45, 3 * 45]),
      float([2, 3 * 45]),
    ),
  "gru, many units": () =>
    run(
      (x, w, u) => nabla.gru(x.mul(0.3), w.mul(0.1), u.mul(0.05), null, { returnSequences: true, goBackwards: true }),
      float([19, 5, 131]),
      float([131, 3 * 251]),
      float([251, 3 * 251]),
    ),
  simpleRnn: () =>
    run(
      (x, w, u, b) => nabla.simpleRnn(x.mul(0.3), w.mul(0.1), u.mul(0.1), b, { returnSequences: true }),
      float([37, 11, 67]),
      float([67, 45]),
      float([45, 45]),
      float([45]),
    ),
  "simpleRnn, many units, relu": () =>
    run(
      (x, w, u) =>
        nabla.simpleRnn(x.mul(0.3), w.mul(0.1), u.mul(0.03), null, { activation: "relu", returnSequences: true }),
      float([19, 5, 131]),
      float([131, 401]),
      float([401, 401]),
    ),
  scaledDotProductAttention: () =>
    run(
      (q, k, v) => nabla.scaledDotProductAttention(q, k, v, { dropout: 0.1 }),
      float([3, 6, 301, 40]),
      float([3, 3, 277, 40]),
      float([3, 3, 277, 24]),
    ),
  "scaledDotProductAttention, one head, causal": () =>
    run((x) => nabla.scaledDotProductAttention(x, x, x, { causal: true }), float([1, 1, 701, 64])),
  layerNorm: () => run((x, g, b) => nabla.layerNorm(x, g, b), float(MATRIX), float([387]), float([387])),
  rmsNorm: () => run((x, g) => nabla.rmsNorm(x, g), float(MATRIX), float([387])),
  groupNorm: () => run((x, g, b) => nabla.groupNorm(x, 4, g, b), float(IMAGES), float([24]), float([24])),
  batchNorm: () =>
    run(
      (x, mean, variance, g, b) => nabla.batchNorm(x, mean, variance.square().add(0.5), g, b),
      float(IMAGES),
      ...[1, 2, 3, 4].map(() => float([24])),
    ),
  "conv2d, max pooling": () => convolution(IMAGES, [3, 3, 24, 40], { activation: "relu", maxPool: { poolSize: 2 } }),
  "matmul, gelu and residual": () =>
    run(
      (a, b, residual) => nabla.matmul(a, b, { activation: "gelu", residual }),
      float([300, 211]),
      float([211, 307]),
      float([300, 307]),
    ),
  "matmul, bfloat16": () => [nabla.matmul(draw([300, 211]).cast("bfloat16"), draw([211, 307]).cast("bfloat16"))],
  sgd: () => optimizer((parameters) => new optimizers.SGD({ parameters, momentum: 0.9, nesterov: true })),
  ...Object.fromEntries(
    ["RMSprop", "Adagrad", "Adadelta", "Adam", "AdamW", "Adamax", "Nadam", "Lion"].map((name) => [
      name,
      () => optimizer((parameters) => new optimizers[name]({ parameters, globalClipNorm: 1 })),
    ]),
  ),
};

/** Places that are compared between instruction sets. */
const SAMPLES = 101;

async function describe(x) {
  const values = Array.from(await x.data(), Number);
  const step = Math.max(1, Math.floor(values.length / SAMPLES));
  return {
    bits: createHash("sha256")
      .update(await x.bytes())
      .digest("hex"),
    dtype: x.dtype,
    largest: values.reduce((most, value) => Math.max(most, Math.abs(value)), 0),
    sample: values.filter((_, i) => i % step === 0),
  };
}

const results = {};
for (const [name, make] of Object.entries(work)) {
  setSeed(7);
  results[name] = await Promise.all(make().map(describe));
}
console.log(
  JSON.stringify({ isa: stream.opened.isa, threads: stream.opened.threads, all: names, ran: [...ran], results }),
);
