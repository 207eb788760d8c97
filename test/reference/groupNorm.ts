import { count, type Nd } from "./nd.js";

export interface GroupNormAttributes {
  readonly epsilon: number;
  readonly groups: number;
  /** Which of gamma and beta follow x among the inputs. */
  readonly gamma: boolean;
  readonly beta: boolean;
}

export function groupNorm([x, ...rest]: readonly Nd[], { epsilon, groups, gamma, beta }: GroupNormAttributes): Nd {
  const { shape } = x!;
  const channels = shape.at(-1)!;
  const sample = count(shape.slice(1));
  const scale = gamma ? rest[0] : undefined;
  const shift = beta ? rest[Number(gamma)] : undefined;
  const members = new Map<string, number[]>();
  for (let i = 0; i < x!.data.length; i++) {
    const key = `${Math.floor(i / sample)} ${Math.floor((i % channels) / (channels / groups))}`;
    if (!members.has(key)) members.set(key, []);
    members.get(key)!.push(i);
  }
  const data = new Float64Array(x!.data.length);
  for (const places of members.values()) {
    const average = (of: (value: number) => number): number =>
      places.reduce((sum, i) => sum + of(x!.data[i]!), 0) / places.length;
    const mean = average((value) => value);
    const deviation = Math.sqrt(average((value) => (value - mean) ** 2) + epsilon);
    for (const i of places) {
      const channel = i % channels;
      data[i] = ((x!.data[i]! - mean) / deviation) * (scale?.data[channel] ?? 1) + (shift?.data[channel] ?? 0);
    }
  }
  return { shape, data };
}
