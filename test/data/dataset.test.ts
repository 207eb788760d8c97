import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { ArgumentError, ShapeError, data, memory, setSeed, tensor, zeros, type Tensor } from "nabla";

const { Dataset } = data;

/** The elements of one pass, their tensors as arrays. */
async function listOf(dataset: data.Dataset<unknown>): Promise<unknown[]> {
  const elements: unknown[] = [];
  for await (const element of dataset) elements.push(toArrays(element));
  return elements;
}

function toArrays(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toArrays);
  if (typeof value !== "object" || value === null) return value;
  if ("toArraySync" in value) {
    const array = (value as Tensor).toArraySync();
    (value as Tensor).dispose();
    return array;
  }
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, toArrays(each)]));
}

const numbers = (count: number): data.Dataset<number> =>
  Dataset.fromGenerator(function* () {
    for (let i = 0; i < count; i++) yield i;
  });
const count = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

describe("fromTensors", () => {
  it("gives the samples one by one, and batches of them", async () => {
    const dataset = Dataset.fromTensors([
      tensor([
        [1, 2],
        [3, 4],
        [5, 6],
      ]),
      new Int32Array([7, 8, 9]),
    ]);
    expect(dataset.size).toBe(3);
    expect(await listOf(dataset)).toEqual([
      [[1, 2], 7],
      [[3, 4], 8],
      [[5, 6], 9],
    ]);
    expect(await listOf(dataset.batch(2))).toEqual([
      [
        [
          [1, 2],
          [3, 4],
        ],
        [7, 8],
      ],
      [[[5, 6]], [9]],
    ]);
    expect(await listOf(dataset.batch(2, { dropRemainder: true }))).toHaveLength(1);
    expect([dataset.batch(2).size, dataset.batch(2, { dropRemainder: true }).size]).toEqual([2, 1]);
  });

  it("takes records and lists of inputs, and outlives what it was given", async () => {
    const a = tensor([1, 2]);
    const dataset = Dataset.fromTensors([{ a, b: tensor([[3], [4]]) }, [a, a]]);
    a.dispose();
    expect(await listOf(dataset.batch(2))).toEqual([
      [
        { a: [1, 2], b: [[3], [4]] },
        [
          [1, 2],
          [1, 2],
        ],
      ],
    ]);
  });

  it("refuses what does not fit together", () => {
    expect(() => Dataset.fromTensors([zeros([3]), zeros([2])])).toThrow(
      "Dataset.fromTensors: the tensors have different lengths: 3, 2 samples",
    );
    expect(() => Dataset.fromTensors(zeros([]))).toThrow("a tensor has no axis that counts samples: its shape is []");
    expect(() => Dataset.fromTensors([])).toThrow("Dataset.fromTensors: tensors is wrong: []");
  });
});

describe("fromGenerator and fromAsyncIterable", () => {
  it("pass on what is yielded; batches are tensors", async () => {
    const dataset = Dataset.fromGenerator(async function* () {
      for (let i = 0; i < 3; i++) {
        await sleep(1);
        yield [Float32Array.of(i, 2 * i), i] as const;
      }
    });
    expect(dataset.size).toBeNull();
    for (let pass = 0; pass < 2; pass++) {
      expect(await listOf(dataset.batch(2))).toEqual([
        [
          [
            [0, 0],
            [1, 2],
          ],
          [0, 1],
        ],
        [[[2, 4]], [2]],
      ]);
    }
    const once = Dataset.fromAsyncIterable(numbers(3)[Symbol.asyncIterator]());
    expect(await listOf(once)).toEqual([0, 1, 2]);
    expect(await listOf(once)).toEqual([]);
  });

  it("pass errors on, and end a generator that is left", async () => {
    const { tensors } = memory();
    let ended = 0;
    const failing = Dataset.fromGenerator(function* () {
      try {
        for (let i = 0; ; i++) {
          if (i === 5) throw new Error("no more");
          yield [i, i];
        }
      } finally {
        ended++;
      }
    });
    const all = failing
      .map(([a, b]) => [tensor([a!]), tensor([b!])])
      .shuffle(3)
      .batch(2)
      .prefetch(2);
    await expect(listOf(all)).rejects.toThrow("no more");
    for await (const element of all.take(1)) for (const each of element) each.dispose();
    expect(ended).toBe(2);
    expect(memory().tensors).toBe(tensors);
  });

  it("refuse what is none", async () => {
    expect(() => Dataset.fromGenerator(3 as never)).toThrow(
      "Dataset.fromGenerator: generator is wrong: 3, expected a function that gives an iterator",
    );
    await expect(listOf(Dataset.fromGenerator((() => 3) as never))).rejects.toThrow(
      "Dataset.fromGenerator: the generator's result is wrong: 3, expected an iterator",
    );
    expect(() => Dataset.fromAsyncIterable(3 as never)).toThrow(
      "Dataset.fromAsyncIterable: iterable is wrong: 3, expected an asynchronous iterable",
    );
  });
});

describe("order", () => {
  it("take, skip and repeat choose elements and know how many", async () => {
    const dataset = Dataset.fromTensors(tensor(count(5)));
    const cases: [data.Dataset<Tensor>, number[]][] = [
      [dataset.take(2), [0, 1]],
      [dataset.take(9), count(5)],
      [dataset.skip(3), [3, 4]],
      [dataset.skip(9), []],
      [dataset.take(2).repeat(2), [0, 1, 0, 1]],
      [dataset.repeat().skip(3).take(4), [3, 4, 0, 1]],
      [dataset.skip(5).repeat(), []],
      [dataset.prefetch(3), count(5)],
    ];
    for (const [each, expected] of cases) {
      expect(await listOf(each)).toEqual(expected);
      expect(each.size).toBe(expected.length);
    }
    expect(dataset.repeat().size).toBe(Infinity);
    expect(dataset.repeat().batch(2).size).toBe(Infinity);
    expect([numbers(3).take(2).size, numbers(3).repeat(2).size, numbers(3).repeat().size]).toEqual([
      null,
      null,
      Infinity,
    ]);
    expect(await listOf(numbers(0).repeat())).toEqual([]);
  });

  it("shuffle gives every element once, in another order each time", async () => {
    const dataset = Dataset.fromTensors(tensor(count(50))).shuffle();
    const [first, second] = [await listOf(dataset), await listOf(dataset)] as [number[], number[]];
    for (const each of [first, second]) expect(each.toSorted((a, b) => a - b)).toEqual(count(50));
    expect(first).not.toEqual(count(50));
    expect(second).not.toEqual(first);
  });

  it("shuffle repeats with setSeed, with a seed of its own, and where it is told to", async () => {
    const shuffled = (options?: data.ShuffleOptions): data.Dataset<unknown> => numbers(20).shuffle(20, options);
    const passes = async (make: () => data.Dataset<unknown>): Promise<unknown[]> => {
      const dataset = make();
      return [await listOf(dataset), await listOf(dataset)];
    };
    setSeed(1);
    const seeded = await passes(shuffled);
    setSeed(1);
    expect(await passes(shuffled)).toEqual(seeded);
    const own = await passes(() => shuffled({ seed: 3 }));
    expect(await passes(() => shuffled({ seed: 3 }))).toEqual(own);
    expect(own[0]).not.toEqual(own[1]);
    const [first, second] = await passes(() => shuffled({ reshuffleEachIteration: false }));
    expect(second).toEqual(first);
  });

  it("shuffle moves an element forward by less than its buffer", async () => {
    const order = (await listOf(numbers(100).shuffle(10))) as number[];
    order.forEach((element, place) => expect(element - place).toBeLessThan(10));
    expect(await listOf(numbers(9).shuffle(1))).toEqual(count(9));
  });

  it("prefetch asks ahead", async () => {
    let made = 0;
    const dataset = Dataset.fromGenerator(function* () {
      for (;;) yield made++;
    }).prefetch(3);
    for await (const element of dataset) {
      await sleep(1);
      expect(made).toBe((element as number) + 4);
      if (element === 2) break;
    }
  });
});

describe("map", () => {
  it("releases what is made on the way, and keeps what is given", async () => {
    const constant = tensor([1, 1]);
    const dataset = Dataset.fromTensors([zeros([4, 2]), zeros([4])])
      .batch(2)
      .map(([x, y]) => [x.add(1).mul(2), constant, y] as const);
    // Makes constants that are kept.
    for await (const [x, , y] of dataset) for (const each of [x, y]) each.dispose();
    const { tensors } = memory();
    for await (const [x, same, y] of dataset) {
      expect(x.toArraySync()).toEqual([
        [2, 2],
        [2, 2],
      ]);
      expect(same).toBe(constant);
      expect(memory().tensors).toBe(tensors + 2);
      x.dispose();
      y.dispose();
    }
    expect(memory().tensors).toBe(tensors);
    expect(constant.disposed).toBe(false);
  });

  it("may be asynchronous, and may fail", async () => {
    const later = numbers(2).map(async (n) => {
      await sleep(1);
      return n + 1;
    });
    expect(await listOf(later)).toEqual([1, 2]);
    const { tensors } = memory();
    const failing = Dataset.fromTensors(zeros([4, 2])).batch(2);
    await expect(
      listOf(
        failing.map(() => {
          throw new Error("broken");
        }),
      ),
    ).rejects.toThrow("broken");
    await expect(listOf(failing.map(() => Promise.reject(new Error("broken later"))))).rejects.toThrow("broken later");
    expect(memory().tensors).toBeLessThanOrEqual(tensors + 1);
  });
});

it("many elements leave the event loop free", async () => {
  let turns = 0;
  let immediate = setImmediate(function turn() {
    turns++;
    immediate = setImmediate(turn);
  });
  for await (const _ of Dataset.fromTensors(new Float32Array(100_000)).shuffle().skip(50_000).batch(50_000)) void _;
  clearImmediate(immediate);
  expect(turns).toBeGreaterThan(5);
});

describe("what is wrong is refused", () => {
  const dataset = numbers(3);
  it.each<[() => unknown, string]>([
    [() => dataset.batch(0), "Dataset.batch: batchSize is wrong: 0, expected a positive integer"],
    [() => dataset.batch(1, { dropRemainders: true } as never), 'Dataset.batch: unknown option: "dropRemainders"'],
    [() => dataset.take(-1), "Dataset.take: count is wrong: -1, expected a positive integer"],
    [() => dataset.skip(-1), "Dataset.skip: count is out of range: -1"],
    [() => dataset.repeat(0), "Dataset.repeat: count is wrong: 0, expected a positive integer"],
    [() => dataset.prefetch(0.5), "Dataset.prefetch: bufferSize is wrong: 0.5, expected a positive integer"],
    [() => dataset.shuffle(), "Dataset.shuffle: the size of the dataset is not known: expected a bufferSize"],
    [() => dataset.shuffle(0), "Dataset.shuffle: bufferSize is wrong: 0"],
    [() => dataset.shuffle(2, { seed: -1 }), "Dataset.shuffle: seed is out of range: -1"],
    [() => dataset.map(3 as never), "Dataset.map: fn is wrong: 3, expected a function"],
  ])("%#", (make, message) => {
    expect(make).toThrow(ArgumentError);
    expect(make).toThrow(message);
  });

  it("elements of a batch that differ", async () => {
    const { tensors } = memory();
    const differing = (first: data.DatasetElement, second: data.DatasetElement): Promise<unknown> =>
      listOf(Dataset.fromGenerator(() => [first, second]).batch(2));
    await expect(differing([1, 2], [1])).rejects.toThrow(
      "Dataset.batch: the elements differ: one has 2 tensors or arrays, another 1",
    );
    await expect(differing(Float32Array.of(1), Float32Array.of(1, 2))).rejects.toThrow(ShapeError);
    expect(memory().tensors).toBe(tensors);
  });
});
