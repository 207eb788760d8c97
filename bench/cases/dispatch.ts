import { values } from "../harness/inputs.js";
import type { Case } from "./case.js";

/** x + y + y + …: what one small op costs. */
export interface DispatchParams {
  adds: number;
  size: number;
  [key: string]: number;
}

function chainedAdds(adds: number, size: number): Case {
  return {
    stem: "dispatch",
    name: `dispatch: ${adds} chained adds of ${size} floats`,
    params: { adds, size } satisfies DispatchParams,
    tolerance: 0,
    reference: () => {
      const x = values(1, size);
      const y = values(2, size);
      for (let n = 0; n < adds; n++) for (let i = 0; i < size; i++) x[i]! += y[i]!;
      return [Array.from(x)];
    },
  };
}

export const cases: Case[] = [chainedAdds(1000, 16)];
