// Outputs made from attributes alone: fill, constant, arange, linspace. Values are converted as cast does.
#include <cmath>
#include <type_traits>

#include "core/checks.h"
#include "cuda/convert.h"
#include "cuda/math.h"
#include "cuda/queue.h"
#include "cuda/strided.h"

namespace nabla::cuda {
namespace {

constexpr int kThreads = 256;
// Values that a command can carry.
constexpr int kMaxConstant = 64;

// `bytes` bytes of the 8 of a pattern, over and over.
__global__ void __launch_bounds__(kThreads)
    fill_bytes(uint64_t pattern, int64_t bytes, bool packs, unsigned char* out) {
  const int64_t first = (static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x) * kPackBytes;
  if (packs && first + kPackBytes <= bytes) {
    return store_vec<uint64_t, 2>(reinterpret_cast<uint64_t*>(out + first), {{pattern, pattern}});
  }
  for (int64_t i = first; i < bytes && i < first + kPackBytes; ++i) {
    out[i] = static_cast<unsigned char>(pattern >> 8 * (i % 8));
  }
}

// Elements are moved as unsigned integers of their size.
template <typename T>
struct Constants {
  T value[kMaxConstant];
};
template <typename T>
__global__ void __launch_bounds__(kMaxConstant) write_constants(Constants<T> constants, int n, T* out) {
#pragma unroll
  for (int i = 0; i < kMaxConstant; ++i) {
    if (i == static_cast<int>(threadIdx.x) && i < n) out[i] = constants.value[i];
  }
}

// start + i * step, rounded twice as on the CPU, but the last element is `last`; rounded down if `floored`.
struct Sequence {
  double start, step, last;
  int64_t end;
  bool floored;

  __device__ double operator()(int64_t i) const {
    const double x = i == end ? last : start + math::rounded_product(static_cast<double>(i), step);
    return floored ? ::floor(x) : x;
  }
};

// A pack per thread.
template <typename T, int V>
__global__ void __launch_bounds__(kThreads) write_sequence(Sequence sequence, int64_t n, T* out) {
  const int64_t first = (static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x) * V;
  Vec<T, V> x;
#pragma unroll
  for (int j = 0; j < V; ++j) x.at[j] = convert<T>(sequence(first + j));
  if (first + V <= n) return store_vec(out + first, x);
#pragma unroll
  for (int j = 0; j < V; ++j) {
    if (first + j < n) out[first + j] = x.at[j];
  }
}

// body(T) for the type whose elements the output has.
template <typename Body>
void with_type_of(const TensorView& out, Body body) {
  switch (out.dtype) {
    case DType::float32: return body(float());
    case DType::float64: return body(double());
    case DType::int32: return body(int32_t());
    case DType::uint8: return body(uint8_t());
    case DType::boolean: return body(Bool());
    case DType::bfloat16: return body(BFloat16());
    case DType::float16: return body(Float16());
  }
}

void write(KernelArgs& args, const Sequence& sequence) {
  const TensorView& out = args.out[0];
  with_type_of(out, [&](auto zero) {
    using T = decltype(zero);
    constexpr int V = 4;
    const int64_t n = out.numel();
    if (aligned(out.data, V * sizeof(T))) {
      launch(write_sequence<T, V>, blocks_for(n, kThreads * V), kThreads, 0, queue_of(args).stream(), sequence, n,
             out.as<T>());
    } else {
      launch(write_sequence<T, 1>, blocks_for(n, kThreads), kThreads, 0, queue_of(args).stream(), sequence, n,
             out.as<T>());
    }
  });
}

}  // namespace

void fill(KernelArgs& args) {
  NABLA_CHECK(args.n_attr == 1, "fill takes one value");
  const TensorView& out = args.out[0];
  with_type_of(out, [&](auto zero) {
    using T = decltype(zero);
    union {
      T value[8 / sizeof(T)];
      uint64_t bits;
    } pattern;
    for (T& value : pattern.value) value = convert<T>(args.attr[0]);
    const int64_t bytes = out.numel() * static_cast<int64_t>(sizeof(T));
    launch(fill_bytes, blocks_for(bytes, kThreads * kPackBytes), kThreads, 0, queue_of(args).stream(), pattern.bits,
           bytes, aligned(out.data, kPackBytes), out.as<unsigned char>());
  });
}

void constant(KernelArgs& args) {
  const TensorView& out = args.out[0];
  const int64_t n = out.numel();
  NABLA_CHECK(n <= kMaxConstant && args.n_attr == n, "a constant takes one value per element, at most 64");
  if (n == 0) return;
  with_type_of(out, [&](auto zero) {
    using T = decltype(zero);
    using Bits = std::conditional_t<
        sizeof(T) == 1, uint8_t,
        std::conditional_t<sizeof(T) == 2, uint16_t, std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>>>;
    Constants<Bits> constants = {};
    for (int64_t i = 0; i < n; ++i) constants.value[i] = bit_cast<Bits>(convert<T>(args.attr[i]));
    launch(write_constants<Bits>, 1, kMaxConstant, 0, queue_of(args).stream(), constants, n, out.as<Bits>());
  });
}

void arange(KernelArgs& args) {
  NABLA_CHECK(args.n_attr == 2, "arange takes a start and a step");
  write(args, {args.attr[0], args.attr[1], 0, -1, false});
}

void linspace(KernelArgs& args) {
  NABLA_CHECK(args.n_attr == 3, "linspace takes a start, a step and the last element");
  const TensorView& out = args.out[0];
  const bool floored = out.dtype == DType::int32 || out.dtype == DType::uint8;
  write(args, {args.attr[0], args.attr[1], args.attr[2], out.numel() - 1, floored});
}

}  // namespace nabla::cuda
