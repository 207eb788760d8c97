import { get, nd, place, type Nd } from "./nd.js";

interface Attributes {
  readonly indices: readonly number[];
  readonly shape: readonly number[];
}

export function embedding([table]: readonly Nd[], { indices, shape }: Attributes): Nd {
  const [rows, size] = table!.shape;
  return nd([...shape, size!], (index) => {
    const row = indices[place(shape, index.slice(0, -1))]!;
    return get(table!, [row < 0 ? row + rows! : row, index.at(-1)!]);
  });
}
