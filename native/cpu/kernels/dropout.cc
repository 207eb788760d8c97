// dropout: element i is kept when its uniform number is at least the rate, and scaled so that the expected
// value stays; a residual is added last. The mask is a function of seed and counter: the backward pass makes it again.
#include <cstdint>

#include "core/checks.h"
#include "core/kernel.h"
#include "cpu/isa_namespace.h"
#include "cpu/simd/philox.h"

namespace nabla::NABLA_ISA {
namespace {

template <typename T, bool with_residual>
void dropout_tiles(KernelArgs& args, double rate) {
  const T* residual = with_residual ? args.in[1].as<const T>() : nullptr;
  const T* x = args.in[0].as<const T>();
  T* out = args.out[0].as<T>();
  const T scale = static_cast<T>(1 / (1 - rate));
  // word >> 8 is the uniform number in units of 2^-24.
  const uint32_t threshold = static_cast<uint32_t>(__builtin_ceil(rate * 0x1p24));
  for_philox_tiles(args, args.out[0].numel(), [&](const uint32_t* words, int64_t begin, int64_t count) {
    const T* __restrict source = x + begin;
    T* __restrict target = out + begin;
    const T* __restrict added = with_residual ? residual + begin : nullptr;
    for (int64_t j = 0; j < count; ++j) {
      const T scaled = source[j] * scale;  // before the choice, so that the loop has no branch
      const T kept = words[j] >> 8 >= threshold ? scaled : T(0);
      target[j] = with_residual ? kept + added[j] : kept;
    }
  });
}

template <typename T>
void dropout_of(KernelArgs& args) {
  if (args.n_in == 2) return dropout_tiles<T, true>(args, args.attr[2]);
  dropout_tiles<T, false>(args, args.attr[2]);
}

}  // namespace

void dropout(KernelArgs& args) {
  const TensorView &x = args.in[0], &out = args.out[0];
  NABLA_CHECK(args.n_attr >= 3 && args.attr[2] >= 0 && args.attr[2] < 1, "the rate must be in [0, 1)");
  NABLA_CHECK(x.contiguous() && x.dtype == out.dtype && x.numel() == out.numel(),
              "x must be contiguous and like the output");
  if (args.n_in == 2) {
    const TensorView& residual = args.in[1];
    NABLA_CHECK(residual.contiguous() && residual.dtype == out.dtype && residual.numel() == out.numel(),
                "the residual must be contiguous and like the output");
  }
  if (x.dtype == DType::float32) return dropout_of<float>(args);
  if (x.dtype == DType::float64) return dropout_of<double>(args);
  kernel_error(ErrorKind::native, "x must be float32 or float64");
}

}  // namespace nabla::NABLA_ISA
