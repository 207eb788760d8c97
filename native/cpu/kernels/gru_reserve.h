// What the forward pass of a GRU leaves for the gradient: for each step, in the order of computation, the gates z and
// r, the candidate and the part of its sum that r multiplies, then the states h.
#pragma once
#include <cstdint>

#include "core/inline.h"
#include "cpu/isa_namespace.h"

namespace nabla::NABLA_ISA {

template <typename T>
struct GruReserve {
  int64_t batch, steps, units;
  T* data;

  NABLA_INLINE T* gates(int64_t step, int64_t row) const { return data + (step * batch + row) * 4 * units; }
  NABLA_INLINE T* h(int64_t step, int64_t row) const { return data + ((4 * steps + step) * batch + row) * units; }
};

}  // namespace nabla::NABLA_ISA
