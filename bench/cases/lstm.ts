import { addProduct, productBackward, recurrentCases, sigmoid, type Row } from "./recurrent.js";

/** The gates are in the order input, forget, cell, output. */
function pass({ params: { steps, inputs, units, backward }, given, x, dy, sums }: Row) {
  const passed: { h: Float64Array; c: Float64Array; gates: Float64Array; tanh: Float64Array }[] = [];
  const y = new Float64Array(steps * units);
  let [h, c] = [new Float64Array(units), new Float64Array(units)];
  for (let t = 0; t < steps; t++) {
    const z = addProduct(Float64Array.from(given.bias), x(t), given.kernel);
    const gates = addProduct(z, h, given.recurrentKernel);
    for (let j = 0; j < 4 * units; j++) {
      gates[j] = j >= 2 * units && j < 3 * units ? Math.tanh(gates[j]!) : sigmoid(gates[j]!);
    }
    const next = c.map((before, j) => gates[units + j]! * before + gates[j]! * gates[2 * units + j]!);
    const tanh = next.map(Math.tanh);
    passed.push({ h, c, gates, tanh });
    [h, c] = [tanh.map((value, j) => gates[3 * units + j]! * value), next];
    y.set(h, t * units);
  }
  const dx = new Float64Array(steps * inputs);
  let dh: Float64Array = new Float64Array(units);
  const dc = new Float64Array(units);
  for (let t = backward ? steps - 1 : -1; t >= 0; t--) {
    const { h: before, c: cells, gates, tanh } = passed[t]!;
    const slopes = dy(t);
    const dz = new Float64Array(4 * units);
    for (let j = 0; j < units; j++) {
      const [i, f, g, o] = [gates[j]!, gates[units + j]!, gates[2 * units + j]!, gates[3 * units + j]!];
      const slope = dh[j]! + slopes[j]!;
      const ofCell = dc[j]! + slope * o * (1 - tanh[j]! ** 2);
      dz[j] = ofCell * g * i * (1 - i);
      dz[units + j] = ofCell * cells[j]! * f * (1 - f);
      dz[2 * units + j] = ofCell * i * (1 - g * g);
      dz[3 * units + j] = slope * tanh[j]! * o * (1 - o);
      dc[j] = ofCell * f;
    }
    dx.set(productBackward(x(t), given.kernel, dz, sums.kernel), t * inputs);
    dh = productBackward(before, given.recurrentKernel, dz, sums.recurrent);
    dz.forEach((d, j) => (sums.bias[j]! += d));
  }
  return { y, dx };
}

export const cases = recurrentCases("lstm", 4, 1, pass);
