/** The tests that the recurrent ops have in common. */
import { describe, expect, test, vi } from "vitest";
import { concat, memory, noGrad, randn, setSeed, tensor, type Tensor } from "nabla";
import type { Cell } from "../../src/ts/ops/recurrent-composition.js";
import { composeRecurrent } from "../../src/ts/ops/recurrent-composition.js";
import { loadAddon } from "../../src/ts/native/load.js";
import { currentStream } from "../../src/ts/device.js";
import type { Nd } from "../reference/nd.js";
import type { Part, RecurrentAttributes } from "../reference/recurrent.js";
import { checkOp, expectClose, type Case } from "./check-op.js";
import { checkSecondDerivative } from "./second-derivative.js";

/** A recurrent op, whatever its states are called. */
export type RecurrentOp = (
  x: Tensor,
  kernel: Tensor,
  recurrentKernel: Tensor,
  bias: Tensor | null,
  options: object,
) => Tensor | Tensor[];

export interface RecurrentCheck {
  readonly name: string;
  readonly op: RecurrentOp;
  readonly cell: Cell;
  readonly cases: { readonly plain: Case<RecurrentAttributes>[]; readonly masked: Case<RecurrentAttributes>[] };
  readonly reference: (inputs: readonly Nd[], attrs: RecurrentAttributes) => Nd;
}

/** Registers them. */
export function checkRecurrent(check: RecurrentCheck): void {
  const { name, op, cell, cases, reference } = check;
  const activationOf = (attrs: RecurrentAttributes): object =>
    cell.anyActivation ? { activation: attrs.activation } : {};

  /** The parts that are asked for, in one vector. */
  const run = (inputs: Tensor[], attrs: RecurrentAttributes): Tensor => {
    const left = [...inputs];
    const mask = attrs.mask ? left.shift() : null;
    const [x, kernel, recurrentKernel] = left.splice(0, 3) as [Tensor, Tensor, Tensor];
    const bias = attrs.bias ? left.shift()! : null;
    const options = {
      mask,
      initialState: attrs.state ? left : null,
      goBackwards: attrs.backwards,
      zeroOutputForMask: attrs.zeroOutput,
      returnSequences: attrs.parts.includes("y"),
      ...activationOf(attrs),
    };
    const states = attrs.parts.filter((part) => part === "h" || part === "c");
    const returnState = states.length > 0;
    const result = [op(x, kernel, recurrentKernel, bias, { ...options, returnState })].flat();
    const places: Record<Part, number> = { y: 0, last: 0, h: 1, c: 2 };
    return concat(attrs.parts.map((part) => result[places[part]]!.reshape([-1]))) as Tensor;
  };

  // Sums of up to 80 products around 1 a step, whose errors of some 1e-6 go from step to step.
  const tolerance = { float32: 1e-5, float64: 1e-13 };
  checkOp({ op: name, cases: cases.plain, run, reference, tolerance });
  checkOp({ op: `${name}, masked`, cases: cases.masked, run, reference, tolerance, gradient: [1, 2, 3, 4, 5, 6] });

  describe(name, () => {
    const gates = cell.gates;
    const inputsOf = (batch: number, steps: number, features: number, units: number): Tensor[] => {
      const shapes = [[batch, steps, features], [features, gates * units], [units, gates * units]]; // prettier-ignore
      const bias = cell.biasRows === 1 ? [gates * units] : [2, gates * units];
      const made = [...shapes, bias, ...cell.states.map(() => [batch, units])].map((shape) =>
        randn(shape, { dtype: "float64" }).mul(0.4).detach(),
      ) as Tensor[];
      for (const input of made) input.requiresGrad = true;
      return made;
    };

    const courses = [false, true].flatMap((backwards) =>
      [false, true].map((zeroOutput) => ({ backwards, zeroOutput, sequences: true, activation: "tanh" as const })),
    );
    // The weights of 301 units do not fit a core's cache: the work is cut in another way.
    const sizes = [
      [13, 11, 19, 37],
      [61, 3, 70, 301],
    ] as const;
    const compared = courses.flatMap((course) => sizes.map((size) => ({ course, size })));
    test.each(compared)("is its composition, $course, $size", ({ course, size: [batch, steps, features, units] }) => {
      setSeed(1);
      const inputs = inputsOf(batch, steps, features, units);
      const mask = randn([batch, steps]).greater(-0.5) as Tensor;
      const seeds = [
        ...cell.states.map(() => randn([batch, units], { dtype: "float64" })),
        randn([batch, steps, units], { dtype: "float64" }),
      ];
      const [x, kernel, recurrentKernel, bias, ...states] = inputs as [Tensor, Tensor, Tensor, Tensor, ...Tensor[]];
      const called = (): Tensor[] => {
        const [y, ...last] = op(x, kernel, recurrentKernel, bias, {
          mask,
          initialState: states,
          goBackwards: course.backwards,
          zeroOutputForMask: course.zeroOutput,
          returnSequences: true,
          returnState: true,
        }) as Tensor[];
        return [...last, y!];
      };
      const composed = (): Tensor[] =>
        composeRecurrent(cell, { x, kernel, recurrentKernel, bias, states, mask }, course);
      const results = [called, composed].map((way) => {
        const outputs = way();
        const loss = outputs
          .map((output, i) => output.mul(seeds[i]!).sum() as Tensor)
          .reduce((a, b) => a.add(b) as Tensor);
        loss.backward();
        const gradients = inputs.map((input) => input.grad!.dataSync());
        for (const input of inputs) input.grad = null;
        return [...outputs.map((output) => output.dataSync()), ...gradients];
      });
      // Sums of some hundred products, over up to 11 steps.
      results[0]!.forEach((values, i) => expectClose(values, results[1]![i]!, 1e-11, `result ${i}`));
    });

    test("second derivatives", () => {
      const mask = tensor([[0, 1, 1], [1, 0, 1]]).cast("bool"); // prettier-ignore
      const shapes = inputsOf(2, 3, 2, 2).map(({ shape }) => shape);
      const options = { returnSequences: true, returnState: true };
      const call =
        (more: object) =>
        ([x, kernel, recurrentKernel, bias, ...initialState]: Tensor[]): Tensor | Tensor[] =>
          op(x!, kernel!, recurrentKernel!, bias!, { ...options, initialState, ...more });
      checkSecondDerivative((...inputs) => call({ mask, goBackwards: true })(inputs), shapes);
      checkSecondDerivative(
        (...inputs) => call({ mask, returnSequences: false, zeroOutputForMask: true })(inputs),
        shapes,
      );
      checkSecondDerivative(
        (x, kernel, recurrentKernel) => op(x!, kernel!, recurrentKernel!, null, { returnSequences: true }),
        shapes.slice(0, 3),
      );
      checkSecondDerivative(
        (x, kernel, recurrentKernel) => op(x!, kernel!, recurrentKernel!, null, {}),
        shapes.slice(0, 3),
      );
    });

    test("the second derivative where x is a constant", () => {
      const [x, kernel, recurrentKernel] = inputsOf(2, 3, 2, 2) as [Tensor, Tensor, Tensor];
      checkSecondDerivative((a, b) => op(x.detach(), a!, b!, null, {}), [kernel.shape, recurrentKernel.shape]);
    });

    test("keeps for backward what it reads, and nothing where nothing is recorded", () => {
      const inputs = inputsOf(2, 3, 4, 5);
      const [x, kernel, recurrentKernel, bias] = inputs as [Tensor, Tensor, Tensor, Tensor];
      const counts = outputCounts(() => {
        noGrad(() => op(x, kernel, recurrentKernel, bias, {}));
        op(x.detach(), kernel.detach(), recurrentKernel.detach(), bias.detach(), {});
        const y = op(x, kernel, recurrentKernel, bias, {}) as Tensor;
        y.sum().backward();
        const frozen = op(x.detach(), kernel, recurrentKernel, bias, { returnSequences: true }) as Tensor;
        frozen.sum().backward();
      });
      const states = cell.states.length;
      const kernels = [
        [name, states],
        [name, states],
        [name, states + 1],
        [`${name}Grad`, 4],
        [name, states + 2],
        [`${name}Grad`, 3],
      ];
      expect(counts).toEqual(kernels);
      const before = memory().tensors;
      const [y, ...last] = [noGrad(() => op(x, kernel, recurrentKernel, bias, { returnState: true }))].flat();
      expect(memory().tensors - before).toBe(states);
      // Disposing of one result leaves the others.
      y!.dispose();
      expect(last.map(({ shape }) => shape)).toEqual(cell.states.map(() => [2, 5]));
      expect(last[0]!.dataSync().length).toBe(10);
    });

    test("without steps the last output is the initial state", () => {
      const inputs = inputsOf(2, 0, 4, 5);
      const [x, kernel, recurrentKernel, bias, ...initialState] = inputs as [
        Tensor,
        Tensor,
        Tensor,
        Tensor,
        ...Tensor[],
      ];
      const mask = tensor(new Float32Array(0), { shape: [2, 0], dtype: "bool" }) as Tensor;
      for (const options of [{}, { mask }, { mask, zeroOutputForMask: true }]) {
        const y = op(x, kernel, recurrentKernel, bias, { ...options, initialState }) as Tensor;
        expect(y.dataSync()).toEqual(initialState[0]!.dataSync());
      }
      expect((op(x, kernel, recurrentKernel, bias, {}) as Tensor).dataSync()).toEqual(new Float64Array(10));
    });

    test("NaN in a step that does not count is not read", () => {
      const inputs = inputsOf(1, 3, 2, 2);
      const [given, kernel, recurrentKernel, bias, ...initialState] = inputs as [
        Tensor,
        Tensor,
        Tensor,
        Tensor,
        ...Tensor[],
      ];
      const mask = tensor([[true, false, true]]) as Tensor;
      const values = given.dataSync();
      const results = [0, NaN].map((value) => {
        const x = tensor(values.map((v, i) => (i === 2 || i === 3 ? value : v)), { shape: [1, 3, 2], requiresGrad: true }); // prettier-ignore
        const y = op(x as Tensor, kernel, recurrentKernel, bias, {
          mask,
          initialState,
          returnSequences: true,
        }) as Tensor;
        return [y.dataSync()];
      });
      expect(results[1]).toEqual(results[0]);
    });

    checkMessages(check);
  });

  /** The kernels of the recurrent ops that a function calls, with the number of their outputs. */
  function outputCounts(fn: () => void): [string, number][] {
    const names = loadAddon().info().ops;
    const write = vi.spyOn(currentStream(), "write");
    fn();
    const calls = write.mock.calls.map(([kernel, , outputs]) => [names[kernel]!, outputs.length] as [string, number]);
    write.mockRestore();
    return calls.filter(([kernel]) => kernel.startsWith(name));
  }
}

function checkMessages({ name, op, cell: { gates, biasRows, states } }: RecurrentCheck): void {
  const of = (shape: number[], dtype: "float32" | "float64" | "int32" | "bool" = "float32"): Tensor =>
    tensor(new Array<number>(shape.reduce((a, b) => a * b, 1)).fill(1), { shape, dtype });
  const x = of([2, 4, 3]);
  const kernel = of([3, gates * 5]);
  const own = of([5, gates * 5]);
  const bias = biasRows === 1 ? [gates * 5] : [2, gates * 5];
  const text = (shape: number[]): string => `[${shape.join()}]`;
  const call =
    (options: object, given: Tensor | null = null) =>
    (): unknown =>
      op(x, kernel, own, given, options);
  const list = states.map(() => of([2, 5]));
  const factor = gates > 1 ? `${gates} * ` : "";
  const rows: [string, () => unknown][] = [
    ["not a tensor: null, expected a Tensor", () => op(null as never, kernel, own, null, {})],
    ["not a tensor: undefined, expected a Tensor", () => op(x, undefined as never, own, null, {})],
    ["not a tensor: 3, expected a Tensor", () => op(x, kernel, 3 as never, null, {})],
    ["not a tensor: true, expected a Tensor", call({}, true as never)],
    [
      "x does not have 3 dimensions: its shape is [4,3], expected [batch, time, features]",
      () => op(of([4, 3]), kernel, own, null, {}),
    ],
    [
      "x is not floating-point: its dtype is int32, expected float32 or float64",
      () => op(of([2, 4, 3], "int32"), kernel, own, null, {}),
    ],
    [
      `recurrentKernel does not fit: it is [5,${gates * 5 + 1}], expected [units, ${factor}units]`,
      () => op(x, kernel, of([5, gates * 5 + 1]), null, {}),
    ],
    [
      `recurrentKernel does not fit: it is [5], expected [units, ${factor}units]`,
      () => op(x, kernel, of([5]), null, {}),
    ],
    [`recurrentKernel does not fit: it is [], expected [units, ${factor}units]`, () => op(x, kernel, of([]), null, {})],
    [
      `recurrentKernel does not fit: it is [0,0], expected [units, ${factor}units]`,
      () => op(x, kernel, of([0, 0]), null, {}),
    ],
    [
      "recurrentKernel's dtype does not fit: it is float64, x is float32",
      () => op(x, kernel, of([5, gates * 5], "float64"), null, {}),
    ],
    [
      `kernel does not fit: it is [4,${gates * 5}], expected [3,${gates * 5}]: x is [2,4,3]`,
      () => op(x, of([4, gates * 5]), own, null, {}),
    ],
    ["kernel's dtype does not fit: it is int32, x is float32", () => op(x, of([3, gates * 5], "int32"), own, null, {})],
    [`bias does not fit: it is [5,1], expected ${text(bias)}: x is [2,4,3]`, call({}, of([5, 1]))],
    ["bias's dtype does not fit: it is float64, x is float32", call({}, of(bias, "float64"))],
    [
      `initialState is wrong: a list of 0, expected a list of ${states.length}: [${states.join(", ")}]`,
      call({ initialState: [] }),
    ],
    [
      `initialState is wrong: a list of 3, expected a list of ${states.length}: [${states.join(", ")}]`,
      call({ initialState: [list[0], list[0], list[0]] }),
    ],
    [
      `initialState is wrong: 1, expected a list of ${states.length}: [${states.join(", ")}]`,
      call({ initialState: 1 }),
    ],
    [
      `initialState[${states.length - 1}] does not fit: it is [5,2], expected [2,5]: x is [2,4,3]`,
      call({ initialState: list.with(states.length - 1, of([5, 2])) }),
    ],
    [
      "initialState[0]'s dtype does not fit: it is float64, x is float32",
      call({ initialState: list.with(0, of([2, 5], "float64")) }),
    ],
    ["not a tensor: null, expected a Tensor", call({ initialState: states.map(() => null) })],
    ["mask does not fit: it is [2,3], expected [2,4]: x is [2,4,3]", call({ mask: of([2, 3], "bool") })],
    ["mask does not fit: it is [2,4,1], expected [2,4]: x is [2,4,3]", call({ mask: of([2, 4, 1], "bool") })],
    ["mask is not bool: its dtype is float32, expected bool", call({ mask: of([2, 4]) })],
    ['not a tensor: "all", expected a Tensor', call({ mask: "all" })],
    ["goBackwards is wrong: 1, expected true or false", call({ goBackwards: 1 })],
    ['returnSequences is wrong: "yes", expected true or false', call({ returnSequences: "yes" })],
    ["returnState is wrong: 0, expected true or false", call({ returnState: 0 })],
    ["zeroOutputForMask is wrong: 2, expected true or false", call({ zeroOutputForMask: 2 })],
    ['unknown option: "returnStates", did you mean "returnState"?', call({ returnStates: true })],
    ['unknown option: "unroll", expected one of initialState, mask, goBackwards', call({ unroll: true })],
    ["the options are not an object: 3", call(3 as never)],
  ];
  test.each(rows)("%s", (message, run) => expect(run).toThrow(`${name}: ${message}`));

  test("a failed call changes nothing", () => {
    const before = memory().tensors;
    expect(call({ mask: list[0] })).toThrow(`${name}: mask is not bool`);
    expect(memory().tensors).toBe(before);
  });
}
