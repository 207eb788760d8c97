// Which of the compiled kernel sets this CPU can run.
#pragma once
#include "core/kernel.h"

namespace nabla {

// Each is better than those before it; no CPU has both AVX and NEON.
enum class Isa { scalar = 0, avx2 = 1, avx512 = 2, neon = 3 };
constexpr int kIsaCount = 4;

// Whether the ISA was compiled in and both the CPU and the operating system (which must save the registers) support it.
bool has_isa(Isa isa);
// The best of these.
Isa detect_isa();
const char* isa_name(Isa isa);
// False when the name is none of scalar, avx2, avx512, neon.
bool parse_isa(const char* name, Isa* isa);
// Whether this CPU has AVX512_BF16, which kernels for AVX-512 may use where they ask first.
bool has_bfloat16_dot();
// The kernels of an ISA; where has_isa() is false, those of detect_isa().
const KernelTable& kernel_table(Isa isa);

}  // namespace nabla
