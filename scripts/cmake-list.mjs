// `node scripts/cmake-list.mjs NAME [prefix]` prints the words of `set(NAME ...)` in CMakeLists.txt, each behind the prefix:
// native/binding.gyp has its sources and flags from there, so that there is one list of them. Files are named from the
// current folder.
import { existsSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { Failure, root, run } from "./lib.mjs";

await run(() => {
  const [name, prefix = ""] = process.argv.slice(2);
  const text = readFileSync(join(root, "CMakeLists.txt"), "utf8").replaceAll(/#.*/g, "");
  const words = new RegExp(`\\bset\\(${name}\\s([^)]*)\\)`).exec(text)?.[1].match(/[^\s"]+/g) ?? [];
  if (words.length === 0) throw new Failure(`CMakeLists.txt: no set(${name} ...) with words in it`);
  console.log(words.map((word) => prefix + named(word)).join("\n"));
});

function named(word) {
  const file = join(root, word);
  return existsSync(file) ? relative(process.cwd(), file) : word;
}
