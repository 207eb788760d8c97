// What the forward pass of an LSTM leaves for the gradient: for each step, in the order of computation, the four gates
// as they were used, then the states c, then the states h.
#pragma once
#include <cstdint>

#include "core/inline.h"
#include "cpu/isa_namespace.h"

namespace nabla::NABLA_ISA {

template <typename T>
struct LstmReserve {
  int64_t batch, steps, units;
  T* data;

  NABLA_INLINE T* gates(int64_t step, int64_t row) const { return data + (step * batch + row) * 4 * units; }
  NABLA_INLINE T* c(int64_t step, int64_t row) const { return part(4, step, row); }
  NABLA_INLINE T* h(int64_t step, int64_t row) const { return part(5, step, row); }

 private:
  NABLA_INLINE T* part(int64_t number, int64_t step, int64_t row) const {
    return data + ((number * steps + step) * batch + row) * units;
  }
};

}  // namespace nabla::NABLA_ISA
