// `npm run format`: rewrites TypeScript, JavaScript, JSON, Markdown and C++ in the project's format.
import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { Failure, bin, execute, root, run } from "./lib.mjs";

export function cxxFiles() {
  return ["native", "bench/peaks"].flatMap((folder) => {
    const files = readdirSync(join(root, folder), { recursive: true })
      .filter((name) => /\.(cc|h|cu|cuh|def)$/.test(name))
      .map((name) => join(folder, name));
    if (files.length === 0) throw new Failure(`${folder}/: no C++ file found`);
    return files;
  });
}

if (import.meta.url === pathToFileURL(resolve(process.argv[1] ?? "")).href) {
  await run(() => {
    execute(...bin("prettier", "prettier", ["--write", "--log-level", "warn", "."]));
    execute(...bin("clang-format", "clang-format", ["-i", ...cxxFiles()]));
  });
}
