import type { ReshapeAttributes } from "../cases/reshape.js";
import type { Nd } from "./nd.js";

export function reshape([x]: readonly Nd[], { op, shape, axis }: ReshapeAttributes): Nd {
  const { data } = x!;
  const own = [...x!.shape];
  const axes = axis === undefined ? null : [axis].flat();
  switch (op) {
    case "reshape": {
      const known = shape!.reduce((product, size) => (size === -1 ? product : product * size), 1);
      return { shape: shape!.map((size) => (size === -1 ? data.length / known : size)), data };
    }
    case "flatten":
      return { shape: [data.length], data };
    case "expandDims": {
      const at = axes![0]!;
      own.splice(at < 0 ? at + own.length + 1 : at, 0, 1);
      return { shape: own, data };
    }
    case "squeeze": {
      const gone = axes?.map((at) => (at < 0 ? at + own.length : at));
      return { shape: own.filter((size, i) => (gone ? !gone.includes(i) : size !== 1)), data };
    }
  }
}
