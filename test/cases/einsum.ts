import type { Case } from "../support/check-op.js";

export interface EinsumAttributes {
  readonly equation: string;
}

const table: [equation: string, ...shapes: (readonly number[])[]][] = [
  ["i->i", [5]],
  ["ij->ji", [2, 3]],
  ["ij", [2, 3]],
  ["ba", [2, 3]],
  ["ij->", [2, 3]],
  ["ij->j", [2, 3]],
  ["->", []],
  ["ii", [3, 3]],
  ["ii->i", [3, 3]],
  ["iji->j", [2, 3, 2]],
  ["iii", [3, 3, 3]],
  ["iijj->ij", [2, 2, 3, 3]],
  ["...ii->...i", [2, 3, 3]],
  ["...ij->...ji", [2, 2, 3]],
  ["i...->...", [2, 3, 2]],
  ["i,i", [5], [5]],
  ["i,i->i", [5], [5]],
  ["i,j->ij", [2], [3]],
  [",i->i", [], [3]],
  ["ij,jk", [2, 3], [3, 5]],
  ["ij,jk->ki", [2, 3], [3, 5]],
  [" i j , j k -> i k ", [2, 3], [3, 2]],
  ["ij,ij->", [2, 3], [2, 3]],
  ["ij,ij->i", [2, 3], [2, 3]],
  ["ij,j->i", [2, 3], [3]],
  ["bij,bjk->bik", [2, 3, 4], [2, 4, 3]],
  ["bhqd,bhkd->bhqk", [2, 2, 3, 5], [2, 2, 4, 5]],
  ["bqhd,bkhd->bhqk", [2, 3, 2, 5], [2, 4, 2, 5]],
  ["abc,cd,bd->ad", [2, 3, 4], [4, 2], [3, 2]],
  ["ijkl,lk->ij", [2, 3, 2, 4], [4, 2]],
  ["i,ij,j->", [2], [2, 3], [3]],
  ["i,j,k->kji", [2], [3], [2]],
  ["ij,k->ki", [2, 3], [2]],
  ["ii,ij->j", [3, 3], [3, 2]],
  ["...ij,...jk->...ik", [2, 3, 4], [4, 2]],
  ["...i,...i->...", [2, 3], [4, 2, 3]],
  ["...i,i...->...", [2, 3], [3, 2]],
  ["i...,j->j...", [2, 1, 3], [2]],
  ["ij,ij->ij", [1, 3], [2, 3]],
  ["ij,jk->ik", [2, 1], [3, 2]],
  ["bA,Ac", [2, 3], [3, 2]],
  ["ij,jk->ik", [0, 3], [3, 2]],
  ["ij,jk->ik", [2, 0], [0, 3]],
  ["ij->i", [2, 0]],
  ["abcd,bcde->ae", [1, 2, 2, 3], [2, 2, 3, 2]],
];

export const cases: Case<EinsumAttributes>[] = table.map(([equation, ...shapes]) => ({
  name: `"${equation}" ${shapes.map((shape) => `[${shape.join()}]`).join(" ")}`,
  inputs: shapes.map((shape) => ({ shape })),
  attrs: { equation },
}));
