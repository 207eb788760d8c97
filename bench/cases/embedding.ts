import { labels, samplePlaces, values } from "../harness/inputs.js";
import { moved, type Case } from "./case.js";
import { targets } from "./targets.js";

/** Rows of a table: the tokens of eight texts of 512, and BERT's vocabulary. */
export interface EmbeddingParams {
  count: number;
  rows: number;
  size: number;
  backward: boolean;
  [key: string]: number | boolean;
}

function embedding(count: number, rows: number, size: number, backward: boolean): Case {
  const params: EmbeddingParams = { count, rows, size, backward };
  return {
    stem: "embedding",
    name: `embedding: ${count} of ${rows}x${size}, forward${backward ? "+backward" : ""}`,
    params,
    // The chosen rows are read and written; dy is read and the whole gradient written.
    work: moved(2 * count * size + (backward ? (count + rows) * size : 0)),
    target: targets.pass,
    // Rows are copied, and a few of them added up.
    tolerance: 1e-6,
    reference: () => reference(params),
  };
}

/** Outputs: the chosen rows, and the table's gradient. */
function reference({ count, rows, size, backward }: EmbeddingParams): number[][] {
  const table = values(1, rows * size);
  const indices = labels(2, count, rows);
  const y = samplePlaces(count * size).map(
    (place) => table[indices[Math.floor(place / size)]! * size + (place % size)]!,
  );
  if (!backward) return [y];
  const dy = values(3, count * size);
  const gradient = new Float64Array(rows * size);
  indices.forEach((row, i) => {
    for (let j = 0; j < size; j++) gradient[row * size + j]! += dy[i * size + j]!;
  });
  return [y, samplePlaces(gradient.length).map((place) => gradient[place]!)];
}

export const cases: Case[] = [embedding(4096, 30522, 768, false), embedding(4096, 30522, 768, true)];
