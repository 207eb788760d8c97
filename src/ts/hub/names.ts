import { ArgumentError } from "../errors.js";
import { show } from "../io/json.js";

// Names become parts of addresses and of paths: nothing passes that means more than itself in either.

const MODEL = /^\w(?:[\w.-]*\w)?(?:\/\w(?:[\w.-]*\w)?)?$/;
const PATH = /^[\w.-]+(?:\/[\w.-]+)*$/;
const MAX_LENGTH = 96;

/** Whether the Hugging Face hub would take this as a model's name: `distilbert-base-uncased` or `owner/name`. */
export function isModelName(text: string): boolean {
  return text.length <= MAX_LENGTH && MODEL.test(text) && !/--|\.\.|\.git$/.test(text);
}

/** Whether this is a path that begins and stays in the folder where it is looked for. */
export function isPlainPath(text: unknown): text is string {
  return typeof text === "string" && PATH.test(text) && !text.split("/").some((part) => /^\.+$/.test(part));
}

/** @throws ArgumentError unless it is the name of a file in a model's folder, or in a folder there. */
export function checkFileName(op: string, file: unknown): void {
  if (isPlainPath(file)) return;
  throw new ArgumentError(
    `${op}: not a model's file: ${show(file)}, expected letters, digits, ".", "_", "-", and "/" between folders`,
  );
}
