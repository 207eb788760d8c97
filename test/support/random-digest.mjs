// A hash of what each random function draws from one seed, run as a process of its own. Argument: the package's file.
import { createHash } from "node:crypto";
import { pathToFileURL } from "node:url";

const nabla = await import(pathToFileURL(process.argv[2]).href);
const { arange, bernoulli, dropout, ones, permutation, rand, randint, randn, setSeed, shuffle, truncatedNormal } =
  nabla;

// Enough for several threads, and not a whole number of blocks.
const shape = [307, 331];
const drawn = {
  rand: () => rand(shape),
  randint: () => randint(shape, { low: -5, high: 1000 }),
  bernoulli: () => bernoulli(shape, { probability: 0.3 }),
  permutation: () => permutation(100_003),
  shuffle: () => shuffle(arange(307 * 331).reshape(shape), { axis: 1 }),
  dropout: () => dropout(ones(shape), 0.5),
  randn: () => randn(shape),
  truncatedNormal: () => truncatedNormal(shape),
};
const digests = {};
for (const [name, draw] of Object.entries(drawn)) {
  setSeed(42);
  digests[name] = createHash("sha256")
    .update(await draw().bytes())
    .digest("hex");
}
console.log(JSON.stringify(digests));
