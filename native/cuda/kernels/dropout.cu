// dropout: element i is kept when its uniform number is at least the rate, and scaled so that the expected
// value stays; a residual is added last. The mask is a function of seed and counter: the backward pass makes it again.
#include <cstdint>

#include "cuda/kernels/philox_blocks.h"

namespace nabla::cuda {
namespace {

// word >> 8 is the uniform number in units of 2^-24, and kept from `threshold` on. `residual` may be null.
template <typename T>
__global__ void __launch_bounds__(kPhiloxThreads) drop(PhiloxStream random, uint32_t threshold, T scale, const T* x,
                                                       const T* residual, T* out, int64_t n, bool packed) {
  const int64_t block = static_cast<int64_t>(blockIdx.x) * kPhiloxThreads + threadIdx.x, first = block * kPhiloxWords;
  if (first >= n) return;
  T value[kPhiloxWords] = {}, added[kPhiloxWords] = {};
  load_four(x, first, n, packed, value);
  if (residual != nullptr) load_four(residual, first, n, packed, added);
  const PhiloxBlock words = philox(random.seed, random.counter + static_cast<uint64_t>(block));
#pragma unroll
  for (int i = 0; i < kPhiloxWords; ++i) {
    value[i] = words.word[i] >> 8 >= threshold ? product(value[i], scale) : T(0);
    if (residual != nullptr) value[i] += added[i];
  }
  store_four(value, first, n, packed, out);
}

template <typename T>
void dropout_of(KernelArgs& args) {
  const TensorView &x = args.in[0], &out = args.out[0];
  const double rate = args.attr[2];
  const T* residual = args.n_in == 2 ? args.in[1].as<const T>() : nullptr;
  const bool packed = packable(x.data) && packable(residual) && packable(out.data);
  launch(drop<T>, philox_grid(out.numel()), kPhiloxThreads, 0, queue_of(args).stream(), philox_stream(args),
         static_cast<uint32_t>(__builtin_ceil(rate * 0x1p24)), static_cast<T>(1 / (1 - rate)), x.as<const T>(),
         residual, out.as<T>(), out.numel(), packed);
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

}  // namespace nabla::cuda
