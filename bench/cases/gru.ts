import { addProduct, productBackward, recurrentCases, sigmoid, type Row } from "./recurrent.js";

/**
 * The gates are in the order update, reset, candidate; the reset gate is behind the product. The first row of the bias is
 * added to the product with x, the second to that with h.
 */
function pass({ params: { steps, inputs, units, backward }, given, x, dy, sums }: Row) {
  const [biasX, biasH] = [given.bias.subarray(0, 3 * units), given.bias.subarray(3 * units)];
  const each = (of: (j: number) => number) => Float64Array.from({ length: units }, (_, j) => of(j));
  const passed: Record<"h" | "z" | "r" | "candidate" | "ofH", Float64Array>[] = [];
  const y = new Float64Array(steps * units);
  let h = new Float64Array(units);
  for (let t = 0; t < steps; t++) {
    const a = addProduct(Float64Array.from(biasX), x(t), given.kernel);
    const b = addProduct(Float64Array.from(biasH), h, given.recurrentKernel);
    const z = each((j) => sigmoid(a[j]! + b[j]!));
    const r = each((j) => sigmoid(a[units + j]! + b[units + j]!));
    const ofH = b.subarray(2 * units);
    const candidate = each((j) => Math.tanh(a[2 * units + j]! + r[j]! * ofH[j]!));
    passed.push({ h, z, r, candidate, ofH });
    h = h.map((before, j) => z[j]! * before + (1 - z[j]!) * candidate[j]!);
    y.set(h, t * units);
  }
  const dx = new Float64Array(steps * inputs);
  let dh: Float64Array = new Float64Array(units);
  for (let t = backward ? steps - 1 : -1; t >= 0; t--) {
    const step = passed[t]!;
    const slopes = dy(t);
    const [da, db] = [new Float64Array(3 * units), new Float64Array(3 * units)];
    const direct = new Float64Array(units);
    for (let j = 0; j < units; j++) {
      const [z, r, candidate] = [step.z[j]!, step.r[j]!, step.candidate[j]!];
      const slope = dh[j]! + slopes[j]!;
      const inner = slope * (1 - z) * (1 - candidate * candidate);
      da[j] = db[j] = slope * (step.h[j]! - candidate) * z * (1 - z);
      da[units + j] = db[units + j] = inner * step.ofH[j]! * r * (1 - r);
      da[2 * units + j] = inner;
      db[2 * units + j] = inner * r;
      direct[j] = slope * z;
    }
    dx.set(productBackward(x(t), given.kernel, da, sums.kernel), t * inputs);
    dh = productBackward(step.h, given.recurrentKernel, db, sums.recurrent).map((sum, j) => sum + direct[j]!);
    [...da, ...db].forEach((d, j) => (sums.bias[j]! += d));
  }
  return { y, dx };
}

export const cases = recurrentCases("gru", 3, 2, pass);
