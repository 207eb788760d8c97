import { appendFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { checkBoolean, checkOptions, wrong } from "../checks.js";
import { ArgumentError } from "../errors.js";
import type { Callback } from "../models/callbacks.js";
import type { Logs } from "../models/history.js";

export interface CSVLoggerOptions {
  /** The file to write. */
  filename: string;
  /** Between the columns; a comma by default. */
  separator?: string;
  /** Whether to go on with a file that is there, whose columns must be the same; false by default. */
  append?: boolean;
}

/** Writes the figures of each epoch as a line to a CSV file: the epoch, counted from 0, and the figures by name. */
export class CSVLogger implements Callback {
  private readonly filename: string;
  private readonly separator: string;
  private readonly append: boolean;
  /** The first line of the file; empty before it is written. */
  private header = "";

  /** @throws ArgumentError for options that are not what they should be. */
  constructor(options: CSVLoggerOptions) {
    checkOptions("CSVLogger", options, ["filename", "separator", "append"]);
    const { filename, separator = ",", append = false } = options;
    if (typeof filename !== "string" || filename === "")
      throw wrong("CSVLogger", "filename", filename, "a file's name");
    if (typeof separator !== "string" || separator === "") {
      throw wrong("CSVLogger", "separator", separator, "a text such as a comma");
    }
    this.filename = filename;
    this.separator = separator;
    this.append = checkBoolean("CSVLogger", "append", append);
  }

  async onTrainBegin(): Promise<void> {
    await mkdir(dirname(this.filename), { recursive: true });
    await writeFile(this.filename, "", { flag: this.append ? "a" : "w" });
    this.header = (await readFile(this.filename, "utf8")).split("\n", 1)[0]!;
  }

  async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    const names = Object.keys(logs).sort();
    const header = ["epoch", ...names].map((name) => this.quote(name)).join(this.separator);
    if (this.header === "") {
      await appendFile(this.filename, `${header}\n`);
      this.header = header;
    } else if (this.header !== header) {
      throw new ArgumentError(
        `CSVLogger: the columns differ: ${this.filename} has ${this.header}, the figures are ${header}`,
      );
    }
    await appendFile(this.filename, `${[epoch, ...names.map((name) => logs[name])].join(this.separator)}\n`);
  }

  /** Names are those of functions and layers as a rule, but a user may give any. */
  private quote(name: string): string {
    const isPlain = !name.includes(this.separator) && !/["\r\n]/.test(name);
    return isPlain ? name : `"${name.replaceAll('"', '""')}"`;
  }
}
