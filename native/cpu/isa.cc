// Compiled without ISA flags: this code runs before the CPU is known.
#include "cpu/isa.h"

#include <cstring>

namespace nabla {

#define NABLA_DECLARE_TABLE(isa) \
  namespace isa { \
  const KernelTable& table(); \
  }
NABLA_DECLARE_TABLE(scalar)
NABLA_DECLARE_TABLE(avx2)
NABLA_DECLARE_TABLE(avx512)
NABLA_DECLARE_TABLE(neon)
#undef NABLA_DECLARE_TABLE

// The compiler's own detection reads CPUID and XGETBV, so an ISA counts only if its registers are saved too.
bool has_isa(Isa isa) {
#if defined(NABLA_HAS_AVX512) || defined(NABLA_HAS_AVX2)
  __builtin_cpu_init();
  [[maybe_unused]] const bool avx2 =
      __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
#endif
  switch (isa) {
    case Isa::scalar: return true;
#if defined(NABLA_HAS_AVX2)
    case Isa::avx2: return avx2;
#endif
#if defined(NABLA_HAS_AVX512)
    case Isa::avx512:
      return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#endif
#if defined(NABLA_HAS_NEON)
    case Isa::neon: return true;  // every AArch64 CPU has it
#endif
    default: return false;
  }
}

Isa detect_isa() {
  int best = kIsaCount - 1;
  while (!has_isa(static_cast<Isa>(best))) --best;
  return static_cast<Isa>(best);
}

bool has_bfloat16_dot() {
#if defined(NABLA_HAS_AVX512)
  return __builtin_cpu_supports("avx512bf16");
#else
  return false;
#endif
}

const char* isa_name(Isa isa) {
  switch (isa) {
    case Isa::scalar: return "scalar";
    case Isa::avx2: return "avx2";
    case Isa::avx512: return "avx512";
    case Isa::neon: return "neon";
  }
  return "unknown";
}

bool parse_isa(const char* name, Isa* isa) {
  for (int i = 0; i < kIsaCount; ++i) {
    const Isa candidate = static_cast<Isa>(i);
    if (std::strcmp(name, isa_name(candidate)) == 0) {
      *isa = candidate;
      return true;
    }
  }
  return false;
}

const KernelTable& kernel_table(Isa isa) {
  if (!has_isa(isa)) isa = detect_isa();
#if defined(NABLA_HAS_NEON)
  if (isa == Isa::neon) return neon::table();
#endif
#if defined(NABLA_HAS_AVX512)
  if (isa == Isa::avx512) return avx512::table();
#endif
#if defined(NABLA_HAS_AVX2)
  if (isa == Isa::avx2) return avx2::table();
#endif
  return scalar::table();
}

}  // namespace nabla
