// CMake's launcher of nvcc: `node nvcc-kept.mjs nvcc ARGUMENT... -o FILE.o`. It compiles as asked and keeps what
// scripts/cuda-gates.mjs reads, in FILE.o.kept/: machine code (cubin), PTX and what ptxas says of each kernel (log.txt).
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [nvcc, ...args] = process.argv.slice(2);
const object = args[args.indexOf("-o") + 1];
const kept = `${object}.kept`;
rmSync(kept, { recursive: true, force: true });
mkdirSync(kept, { recursive: true });
const { error, status, stdout, stderr } = spawnSync(nvcc, [...args, "-Xptxas", "-v", "--keep", "--keep-dir", kept], {
  encoding: "utf8",
  maxBuffer: 1 << 28,
});
if (error) throw error;
for (const name of readdirSync(kept)) if (!/\.(cubin|ptx)$/.test(name)) rmSync(join(kept, name), { recursive: true });
writeFileSync(join(kept, "log.txt"), stderr);
process.stdout.write(stdout);
// ptxas' remarks are for the log; what else there is to say ends the compilation (--Werror).
if (status !== 0) process.stderr.write(stderr);
process.exitCode = status ?? 1;
