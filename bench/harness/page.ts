import type { Results } from "./results.js";
export function writePage(_file: string, _runs: readonly Results[]): void {}
