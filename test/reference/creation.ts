/** start, start + step, … as long as stop is not reached. */
export function arange(start: number, stop: number, step: number): number[] {
  const list: number[] = [];
  for (let value = start; step > 0 ? value < stop : value > stop; value += step) list.push(value);
  return list;
}
