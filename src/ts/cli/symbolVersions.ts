import { readFileSync } from "node:fs";

/**
 * The newest version of a library's symbols that an ELF binary asks for, such as "2.28" of "GLIBC": the oldest of that
 * library with which it loads. Null when it asks for none.
 */
export function newestSymbolVersion(file: string, library: string): string | null {
  // Names of versions lie in the table of strings, each between zeros, and nothing else in a binary looks like that.
  const names = readFileSync(file, "latin1").matchAll(new RegExp(`(?<=\\0)${library}_(\\d+(?:\\.\\d+)+)(?=\\0)`, "g"));
  const versions = Array.from(names, ([, version]) => version!);
  return versions.sort((a, b) => a.localeCompare(b, "en", { numeric: true })).at(-1) ?? null;
}
