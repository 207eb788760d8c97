export function linspace(start: number, stop: number, count: number, endpoint: boolean): number[] {
  const gaps = endpoint ? Math.max(1, count - 1) : count;
  return Array.from({ length: count }, (_, i) => start + (i * (stop - start)) / gaps);
}
