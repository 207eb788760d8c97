// Compiled without ISA flags: this code runs before the CPU is known.
#include "cpu/isa.h"

#include <cstring>

#if defined(NABLA_HAS_AVX512) || defined(NABLA_HAS_AVX2)
#include <cpuid.h>
#endif

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

#if defined(NABLA_HAS_AVX512) || defined(NABLA_HAS_AVX2)
namespace {

// An ISA counts only if the operating system saves its registers too, which XGETBV tells. The compiler's own
// __builtin_cpu_supports asks a runtime library that not every compiler brings.
struct CpuFeatures {
  CpuFeatures() {
    unsigned eax, ebx, ecx, edx;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !has(ecx, bit_OSXSAVE | bit_AVX | bit_FMA)) return;
    unsigned saved, high;
    __asm__("xgetbv" : "=a"(saved), "=d"(high) : "c"(0));
    if (!has(saved, kVectorState) || !__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) return;
    avx2 = has(ebx, bit_AVX2 | bit_BMI2);
    avx512 = avx2 && has(saved, kMaskState) && has(ebx, bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL);
    bfloat16_dot = avx512 && eax >= 1 && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) && has(eax, bit_AVX512BF16);
  }

  bool avx2 = false, avx512 = false, bfloat16_dot = false;

 private:
  static constexpr unsigned kVectorState = 0x06, kMaskState = 0xe0;  // XCR0: xmm and ymm; masks and zmm
  static bool has(unsigned word, unsigned bits) { return (word & bits) == bits; }
};

const CpuFeatures& cpu_features() {
  static const CpuFeatures features;
  return features;
}

}  // namespace
#endif

bool has_isa(Isa isa) {
  switch (isa) {
    case Isa::scalar: return true;
#if defined(NABLA_HAS_AVX2)
    case Isa::avx2: return cpu_features().avx2;
#endif
#if defined(NABLA_HAS_AVX512)
    case Isa::avx512: return cpu_features().avx512;
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
  return cpu_features().bfloat16_dot;
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
