import type { Nd } from "./nd.js";

export function copy([x]: readonly Nd[]): Nd {
  return { shape: x!.shape, data: x!.data };
}
