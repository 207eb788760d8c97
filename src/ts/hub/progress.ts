import { newBar, type Verbose } from "../models/progress.js";
import { formatBytes } from "../models/summary.js";

/** What the user sees of the download of one file. */
export interface DownloadProgress {
  update(bytes: number): void;
  /** Of a download that came to its end. */
  end(): void;
  /** Leaves the terminal as it was, also after an error. */
  stop(): void;
}

/** A bar on a terminal, a line elsewhere, which comes when the file is there. */
export async function downloadProgress(verbose: Verbose, file: string, size: number): Promise<DownloadProgress> {
  if (verbose === 0) return { update: () => {}, end: () => {}, stop: () => {} };
  if (verbose === 2 || !process.stdout.isTTY) {
    const start = performance.now();
    const seconds = (): number => Math.round((performance.now() - start) / 1000);
    return {
      update: () => {},
      end: () => console.log(`${file} - ${formatBytes(size)} - ${seconds()}s`),
      stop: () => {},
    };
  }
  const bar = await newBar(`{bar} {done} / ${formatBytes(size)} - ${file}`);
  bar.start(size, 0, { done: formatBytes(0) });
  const update = (bytes: number): void => bar.update(bytes, { done: formatBytes(bytes) });
  return { update, end: () => update(size), stop: () => bar.stop() };
}
