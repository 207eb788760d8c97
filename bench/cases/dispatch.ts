import { values } from "../harness/inputs.js";
import type { Case } from "./case.js";
import { targets } from "./targets.js";

/** x + y + y + …: what one small op costs; with the tape that records it for a gradient, and with the way back. */
export interface DispatchParams {
  adds: number;
  size: number;
  pass: "plain" | "recorded" | "backward";
  [key: string]: number | string;
}

const words = { plain: "", recorded: ", recorded", backward: ", recorded, and backward" };

function chainedAdds(adds: number, size: number, pass: DispatchParams["pass"]): Case {
  return {
    stem: "dispatch",
    name: `dispatch: ${adds} chained adds of ${size} floats${words[pass]}`,
    params: { adds, size, pass } satisfies DispatchParams,
    work: { calls: adds },
    target: targets.dispatch,
    tolerance: 0,
    reference: () => {
      const x = values(1, size);
      const y = values(2, size);
      for (let n = 0; n < adds; n++) for (let i = 0; i < size; i++) x[i]! += y[i]!;
      return pass === "backward" ? [Array.from(x), x.map(() => 1)].map((row) => Array.from(row)) : [Array.from(x)];
    },
  };
}

export const cases: Case[] = [
  chainedAdds(1000, 16, "plain"),
  chainedAdds(1000, 16, "recorded"),
  chainedAdds(1000, 16, "backward"),
];
