// Reads machine code of NVIDIA's GPUs: how many instructions of a kind each kernel of a cubin has. From Volta on an
// instruction has 16 bytes, its opcode in the low 9 bits and, if it moves data, the width in bits 73 to 75. NVIDIA
// documents neither; native/test/cuda_gates/probe.cu has kernels by which scripts/cuda-gates.mjs checks both each time.
import { readFileSync } from "node:fs";

const OPCODES = {
  0x023: "FFMA",
  0x049: "FFMA2",
  0x03c: "HMMA",
  0x181: "LDG",
  0x183: "LDL",
  0x184: "LDS",
  0x187: "STL",
  0x1ae: "LDGSTS",
};
const WIDE = { LDG: "LDG.128", LDS: "LDS.128" };
const WIDTH_128 = 6;

/** Counts of the instructions above by a kernel's mangled name; "LDG" has those of 128 bits too. */
export function instructions(file) {
  const bytes = readFileSync(file);
  const counts = new Map();
  for (const { name, data } of sections(bytes)) {
    if (!name.startsWith(".text.")) continue;
    const count = Object.fromEntries([...Object.values(OPCODES), ...Object.values(WIDE)].map((key) => [key, 0]));
    for (let at = 0; at + 16 <= data.length; at += 16) {
      const kind = OPCODES[data.readUInt16LE(at) & 0x1ff];
      if (kind === undefined) continue;
      count[kind] += 1;
      if (WIDE[kind] && ((data.readUInt16LE(at + 9) >> 1) & 7) === WIDTH_128) count[WIDE[kind]] += 1;
    }
    counts.set(name.slice(".text.".length), count);
  }
  return counts;
}

/** Bytes of an object file's section, 0 if there is none. */
export function sectionBytes(file, wanted) {
  return sections(readFileSync(file)).reduce((sum, { name, data }) => sum + (name === wanted ? data.length : 0), 0);
}

/** The sections of an ELF file of 64 bits. */
function sections(bytes) {
  if (bytes.toString("latin1", 0, 4) !== "\x7fELF" || bytes[4] !== 2) throw new Error("not an ELF file of 64 bits");
  const table = Number(bytes.readBigUInt64LE(40));
  const [entrySize, count, names] = [58, 60, 62].map((at) => bytes.readUInt16LE(at));
  const headers = Array.from({ length: count }, (_, i) => {
    const at = table + i * entrySize;
    const [offset, size] = [24, 32].map((field) => Number(bytes.readBigUInt64LE(at + field)));
    const holdsNothing = bytes.readUInt32LE(at + 4) === 8;
    return { name: bytes.readUInt32LE(at), data: bytes.subarray(offset, holdsNothing ? offset : offset + size) };
  });
  const strings = headers[names].data;
  return headers.map(({ name, data }) => ({
    name: strings.toString("latin1", name, strings.indexOf(0, name)),
    data,
  }));
}
