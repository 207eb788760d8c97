import { dtypeInfo } from "../dtype.js";
import { formatBatchShape, type BatchShape } from "../layers/batchShape.js";
import type { AnyLayer } from "../layers/symbolic.js";
import type { Tensor } from "../tensor.js";
import type { AnyModel } from "./model.js";

export interface SummaryRow {
  readonly layer: AnyLayer;
  /** Null where they are not known. */
  readonly outputShapes: readonly BatchShape[] | null;
  /** The names of the layers whose results it takes; empty where the layer above is the only one. */
  readonly from: readonly string[];
}

/**
 * The table of a model's layers, as Keras shows it. Which of them training changes is shown when some of them are frozen,
 * and what each takes when not every layer takes the result of the one above.
 */
export function summaryLines(model: AnyModel, rows: readonly SummaryRow[]): string[] {
  const columns: { title: string; right?: boolean; cell(row: SummaryRow): string }[] = [
    { title: "Layer (type)", cell: ({ layer }) => `${layer.name} (${layer.constructor.name})` },
    { title: "Output shape", cell: ({ outputShapes }) => outputShapes?.map(formatSpaced).join(", ") ?? "?" },
    { title: "Params", right: true, cell: ({ layer }) => count(layer.countParams()) },
  ];
  if (model.nonTrainableWeights.length > 0)
    columns.push({ title: "Trainable", cell: ({ layer }) => trainability(layer) });
  const isChain = rows.every(
    ({ from }, i) => from.length === 0 || (from.length === 1 && from[0] === rows[i - 1]?.layer.name),
  );
  if (!isChain)
    columns.push({ title: "Connected to", cell: ({ from }) => (from.length === 0 ? "-" : from.join(", ")) });
  const header = columns.map(({ title }) => title);
  const cells = rows.map((row) => columns.map((column) => column.cell(row)));
  const widths = header.map((title, column) => Math.max(title.length, ...cells.map((row) => row[column]!.length)));
  const rule = (left: string, cross: string, right: string): string =>
    left + widths.map((width) => "─".repeat(width + 2)).join(cross) + right;
  const line = (row: readonly string[]): string => {
    const padded = row.map((cell, i) => (columns[i]!.right ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)));
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

function formatSpaced(shape: BatchShape): string {
  return formatBatchShape(shape).replaceAll(",", ", ");
}

/** Whether training changes a layer's weights. */
function trainability(layer: AnyLayer): string {
  if (layer.weights.length === 0) return "-";
  const { length } = layer.trainableWeights;
  if (length === 0) return "no";
  return length === layer.weights.length ? "yes" : "partly";
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

/** `255.55 MB` */
export function formatBytes(bytes: number): string {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let unit = 0;
  let value = bytes;
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return `${unit === 0 ? value : value.toFixed(2)} ${units[unit]}`;
}
