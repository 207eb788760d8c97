import { getBroadcast, nd, type Nd } from "./nd.js";

export function broadcastTo([x]: readonly Nd[], shape: readonly number[]): Nd {
  return nd(shape, (index) => getBroadcast(x!, index));
}
