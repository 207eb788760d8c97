/** The instruction sets that a run can be held to: all of the CPU's, or AVX2. */
export const isas = ["native", "avx2"] as const;
export type Isa = (typeof isas)[number];

/** Where the engines compute. */
export const benchDevices = ["cpu", "cuda"] as const;
export type BenchDevice = (typeof benchDevices)[number];

export interface Setting {
  device: BenchDevice;
  threads: number;
  isa: Isa;
  /** Whether glibc's allocator is left as it comes; see {@link environment}. */
  plainAllocator?: boolean;
}

/** What holds each engine to AVX2. Those that are missing cannot be held to it. */
export const avx2Settings: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  nabla: { NABLA_ISA: "avx2" },
  // oneDNN, PyTorch's own kernels, MKL; and OpenBLAS, where a build has it.
  pytorch: {
    ONEDNN_MAX_CPU_ISA: "AVX2",
    ATEN_CPU_CAPABILITY: "avx2",
    MKL_ENABLE_INSTRUCTIONS: "AVX2",
    OPENBLAS_CORETYPE: "Haswell",
  },
};

/** The same CPUs and the same number of threads for everyone. */
export function environment({ device, threads, isa, plainAllocator = false }: Setting): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { ...process.env, NABLA_DEVICE: device };
  // Settings meant for another run or another library of this machine.
  for (const name of ["OPENBLAS_L2_SIZE", "MKL_DEBUG_CPU_TYPE"]) delete env[name];
  for (const settings of Object.values(avx2Settings)) {
    for (const [name, value] of Object.entries(settings)) {
      if (isa === "avx2") env[name] = value;
      else delete env[name];
    }
  }
  env["NABLA_THREADS"] = env["OMP_NUM_THREADS"] = env["MKL_NUM_THREADS"] = String(threads);
  // Without this the scheduler may leave both OpenMP threads on one CPU.
  env["OMP_PROC_BIND"] = "true";
  env["OMP_PLACES"] = "cores";
  if (plainAllocator) return env;
  // glibc keeps what was freed. By default it hands large arrays back to the system and faults them in again, which
  // makes PyTorch's training step half as long again, and a convolution with a large result eight times as long.
  env["MALLOC_MMAP_MAX_"] = "0";
  env["MALLOC_TRIM_THRESHOLD_"] = String(2 ** 36);
  env["MALLOC_TOP_PAD_"] = String(2 ** 26);
  return env;
}
