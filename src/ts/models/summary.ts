import { formatBatchShape, type BatchShape } from "../layers/batchShape.js";
import type { Layer, Tensors } from "../layers/layer.js";
import { dtypeInfo } from "../dtype.js";
import type { Tensor } from "../tensor.js";

export interface SummaryRow {
  readonly layer: Layer<Tensors, Tensors>;
  /** Null where it is not known. */
  readonly outputShape: BatchShape | null;
}

/** The table of a model's layers, as Keras shows it. */
export function summaryLines(model: Layer, rows: readonly SummaryRow[]): string[] {
  const header = ["Layer (type)", "Output shape", "Params"];
  const cells = rows.map(({ layer, outputShape }) => [
    `${layer.name} (${layer.constructor.name})`,
    outputShape === null ? "?" : formatBatchShape(outputShape).replaceAll(",", ", "),
    count(layer.countParams()),
  ]);
  const widths = header.map((title, column) => Math.max(title.length, ...cells.map((row) => row[column]!.length)));
  const rule = (left: string, cross: string, right: string): string =>
    left + widths.map((width) => "─".repeat(width + 2)).join(cross) + right;
  const line = (row: readonly string[]): string => {
    const padded = row.map((cell, i) => (i === 2 ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)));
    return `│ ${padded.join(" │ ")} │`;
  };
  return [
    `Model: "${model.name}"`,
    rule("┌", "┬", "┐"),
    line(header),
    rule("├", "┼", "┤"),
    ...cells.map(line),
    rule("└", "┴", "┘"),
    `Total params: ${size(model.weights)}`,
    `Trainable params: ${size(model.trainableWeights)}`,
    `Non-trainable params: ${size(model.nonTrainableWeights)}`,
  ];
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}

function size(weights: readonly Tensor[]): string {
  let elements = 0;
  let bytes = 0;
  for (const weight of weights) {
    elements += weight.size;
    bytes += weight.size * dtypeInfo[weight.dtype].size;
  }
  return `${count(elements)} (${formatBytes(bytes)})`;
}

function formatBytes(bytes: number): string {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let unit = 0;
  let value = bytes;
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return `${unit === 0 ? value : value.toFixed(2)} ${units[unit]}`;
}
