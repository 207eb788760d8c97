// Which of the compiled kernel sets this CPU can run.
#pragma once
#include "core/kernel.h"

namespace nabla {

enum class Isa { scalar = 0, avx2 = 1, avx512 = 2 };
constexpr int kIsaCount = 3;

// The best ISA that was compiled in and that both the CPU and the operating system (which must save the registers)
// support.
Isa detect_isa();
const char* isa_name(Isa isa);
// False when the name is none of scalar, avx2, avx512.
bool parse_isa(const char* name, Isa* isa);
// Whether this CPU has AVX512_BF16, which kernels for AVX-512 may use where they ask first.
bool has_bfloat16_dot();
// The kernels of an ISA up to detect_isa(); for any other, those of detect_isa().
const KernelTable& kernel_table(Isa isa);

}  // namespace nabla
