import type { Case } from "../cases/case.js";
import type { Ratio } from "./measure.js";
import type { Peaks, Rate } from "./peaks.js";
import type { Summary } from "./statistics.js";

/** Three significant digits. */
export function number(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

interface Unit {
  scale: number;
  name: string;
}

function unitFor(value: number, measure: Case["measure"]): Unit {
  if (measure === "memory") return { scale: 2 ** -20, name: "MiB" };
  return value >= 1e-3 ? { scale: 1e3, name: "ms" } : { scale: 1e6, name: "µs" };
}

/** A time, or an amount of memory. */
export function formatValue(value: number, measure?: Case["measure"]): string {
  const unit = unitFor(value, measure);
  return `${number(value * unit.scale)} ${unit.name}`;
}

/** The quartiles, in the unit of the median. */
export function formatSpread({ median, q1, q3 }: Summary, measure?: Case["measure"]): string {
  const { scale } = unitFor(median, measure);
  return `${number(q1 * scale)} to ${number(q3 * scale)}`;
}

export function formatRatio(ratio: Ratio): string {
  return `${ratio.median.toFixed(2)} (${ratio.q1.toFixed(2)} to ${ratio.q3.toFixed(2)}) ${ratio.against}`;
}

export function formatRate({ value, unit }: Rate): string {
  return `${number(value)} ${unit}`;
}

export function formatShare({ ofPeak }: Rate): string {
  return ofPeak === undefined ? "" : `${(100 * ofPeak).toFixed(0)} %`;
}

export function formatPeaks({ isa, fma, bf16, copy, read }: Peaks): string {
  const dots = bf16 === null ? "" : `${number(bf16)} GFLOP/s in bf16 dot products, `;
  return `${number(fma)} GFLOP/s in ${isa} multiply-adds, ${dots}${number(copy)} GB/s copied, ${number(read)} GB/s read`;
}

export function threadsText(threads: number): string {
  return `${threads} ${threads === 1 ? "thread" : "threads"}`;
}

export function duration(seconds: number): string {
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}
