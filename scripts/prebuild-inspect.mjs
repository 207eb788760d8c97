// What an addon needs of the system that loads it, read from the file, and the checks that this is no more than it may be.
import { readFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { sep } from "node:path";
import nodeApi from "node-api-headers";
import { Failure, output, root } from "./lib.mjs";

/** Node looks for these in an addon. */
const EXPORTS = ["napi_register_module_v1", "node_api_module_get_api_version_v1"];
const NODE_API = new Set(Object.values(nodeApi.symbols.v9).flat());

/**
 * Throws unless the file is of this format (`elf`, `pe`, `macho`) and machine, needs of these libraries and versions at
 * most, calls Node-API 9 alone, has no rpath, and holds no path of this machine. Returns in words what it needs.
 *
 * @param allowed `{ format, machine, libraries, floors }`; `floors` names the newest version of each library.
 */
export function inspect(file, allowed) {
  const found = READERS[allowed.format](file);
  const fail = (what) => {
    throw new Failure(`${file}: ${what}`);
  };
  if (found.machine !== allowed.machine) fail(`is for ${found.machine}, expected ${allowed.machine}`);
  if (found.rpath) fail("has an rpath");
  const foreign = found.libraries.filter((name) => !allowed.libraries.some((known) => matches(name, known)));
  if (found.libraries.length === 0 || foreign.length > 0) fail(`needs ${foreign.join(", ") || "no library"}`);
  const missing = EXPORTS.filter((name) => !found.exports.includes(name));
  if (missing.length > 0) fail(`does not export ${missing.join(", ")}`);
  const calls = found.imports.filter((name) => /^(napi|node_api)_/.test(name));
  const unknown = calls.filter((name) => !NODE_API.has(name));
  if (calls.length === 0 || unknown.length > 0) fail(`calls ${unknown.join(", ") || "nothing"} of Node-API 9`);
  const bytes = readFileSync(file);
  for (const path of [root, homedir() + sep, tmpdir() + sep]) {
    if (bytes.includes(path)) fail(`holds the path ${path}`);
  }
  const needs = [];
  for (const [library, floor] of Object.entries(allowed.floors)) {
    const version = found.versions[library];
    if (version !== undefined && compare(version, floor) > 0) {
      fail(`needs ${library} ${version}, and may need no more than ${floor}`);
    }
    needs.push(`${library} ${version ?? "not needed"}`);
  }
  return [...needs, `${calls.length} functions of Node-API`, found.libraries.join(", ")].join("; ");
}

const READERS = { elf: readElf, pe: readPe, macho: readMachO };

/** By e_machine, the half-word at 18 of the header. */
const ELF_MACHINES = { 62: "x64", 183: "arm64" };

function readElf(file) {
  const headers = output("objdump", ["-f", "-p", file]);
  const symbols = output("objdump", ["-T", file]);
  const lines = symbols.split("\n");
  const names = (some) => some.map((line) => line.split(/\s+/).at(-1));
  return {
    machine: ELF_MACHINES[readFileSync(file).readUInt16LE(18)],
    rpath: /R(UN)?PATH/.test(headers),
    libraries: [...headers.matchAll(/NEEDED\s+(\S+)/g)].map(([, name]) => name),
    imports: names(lines.filter((line) => line.includes("*UND*"))),
    exports: names(lines.filter((line) => / g .*\.text/.test(line))),
    versions: { GLIBC: newest(symbols, "GLIBC"), GLIBCXX: newest(symbols, "GLIBCXX") },
  };
}

function readPe(file) {
  const headers = output("llvm-readobj", ["--file-headers", "--coff-imports", "--coff-exports", file]);
  const names = (text) => [...text.matchAll(/(?:Symbol|Name): (\w+)(?: \(\d+\))?$/gm)].map(([, name]) => name);
  const field = (name) => new RegExp(`${name}: (\\d+)`).exec(headers)?.[1];
  const exported = headers.indexOf("Export {");
  return {
    machine: /Machine: IMAGE_FILE_MACHINE_(\w+)/.exec(headers)?.[1],
    rpath: false,
    libraries: [...headers.matchAll(/^Import \{\n\s+Name: (\S+)/gm)].map(([, name]) => name.toLowerCase()),
    imports: names(headers.slice(0, exported)),
    exports: names(headers.slice(exported)),
    versions: { Windows: `${field("MajorSubsystemVersion")}.${field("MinorSubsystemVersion")}` },
  };
}

function readMachO(file) {
  const headers = output("llvm-objdump", ["--macho", "--private-headers", file]);
  const names = (option) =>
    output("llvm-nm", ["--extern-only", "--just-symbol-name", option, file])
      .split("\n")
      .map((name) => name.replace(/^_/, ""));
  return {
    machine: /Mach header\n.*\n\s*\S+\s+(\w+)/.exec(headers)?.[1],
    rpath: headers.includes("LC_RPATH"),
    libraries: [...headers.matchAll(/cmd LC_LOAD_DYLIB\n.*\n\s+name (\S+)/g)].map(([, name]) => name),
    imports: names("--undefined-only"),
    exports: names("--defined-only"),
    versions: { macOS: /minos (\S+)/.exec(headers)?.[1] },
  };
}

function matches(name, known) {
  return known instanceof RegExp ? known.test(name) : known === name;
}

function newest(symbols, library) {
  const versions = [...symbols.matchAll(new RegExp(`\\b${library}_([\\d.]+)`, "g"))].map(([, version]) => version);
  return versions.sort(compare).at(-1);
}

function compare(a, b) {
  return a.localeCompare(b, "en", { numeric: true });
}
