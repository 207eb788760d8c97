// Matrix products of tensor cores on a warp's fragments; native/cuda/mma.h has their layouts.
#pragma once
#include <cstdint>

#include "device.h"

namespace emulator {

// c += a @ b. Products are exact; sums are in float64, rounded once.
void mma_m16n8k8_tf32(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], NABLA_EMULATOR_SITE);
void mma_m16n8k16_bf16(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], NABLA_EMULATOR_SITE);
void mma_m16n8k16_f16(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], NABLA_EMULATOR_SITE);

}  // namespace emulator
