// The order of the elements of rows: argSort, and topK, which wants only the first of them. Elements become unsigned
// keys of the same order; NaN is the greatest, -0 is 0. Equal keys keep their order.
#include <cstdint>

#include "core/checks.h"
#include "cuda/kernels/sort_items.h"

namespace nabla::cuda {
namespace {

// The greater the element, the greater the key. Floats come as their bits.
template <typename Bits>
__device__ Bits float_key(Bits bits) {
  constexpr int kFraction = sizeof(Bits) == 4 ? 23 : 52;
  constexpr Bits kSign = Bits(1) << (8 * sizeof(Bits) - 1), kInfinity = (kSign - 1) >> kFraction << kFraction;
  const Bits size = bits & ~kSign;
  if (size > kInfinity) return ~Bits(0);
  if (size == 0) return kSign;
  return bits & kSign ? ~bits : bits | kSign;
}

template <typename T>
struct Element;
template <>
struct Element<float> {
  using Bits = uint32_t;
  using Item = Item32;
  __device__ static uint32_t key(uint32_t bits) { return float_key(bits); }
};
template <>
struct Element<double> {
  using Bits = uint64_t;
  using Item = Item64;
  __device__ static uint64_t key(uint64_t bits) { return float_key(bits); }
};
template <>
struct Element<int32_t> {
  using Bits = uint32_t;
  using Item = Item32;
  __device__ static uint32_t key(uint32_t bits) { return bits ^ 0x80000000u; }
};
template <>
struct Element<uint8_t> {
  using Bits = uint8_t;
  using Item = Item32;
  __device__ static uint32_t key(uint8_t bits) { return bits; }
};

template <typename T>
struct LoadElements {
  const typename Element<T>::Bits* x;
  int64_t n;
  bool descending;

  __device__ typename Element<T>::Item operator()(int64_t row, int i) const {
    const auto key = Element<T>::key(x[row * n + i]);
    return make_item<typename Element<T>::Item>(descending ? ~key : key, static_cast<uint32_t>(i));
  }
};

template <typename T>
void first_places(KernelArgs& args, bool descending, int64_t kept) {
  const TensorView& x = args.in[0];
  const int64_t n = x.shape[x.rank - 1];
  const LoadElements<T> load{x.as<const typename Element<T>::Bits>(), n, descending};
  sort_rows<typename Element<T>::Item>(args, load, x.numel() / n, n, kept, args.out[0].as<int32_t>());
}

void sort_by_dtype(KernelArgs& args, bool descending, int64_t kept) {
  switch (args.in[0].dtype) {
    case DType::float32: return first_places<float>(args, descending, kept);
    case DType::float64: return first_places<double>(args, descending, kept);
    case DType::int32: return first_places<int32_t>(args, descending, kept);
    case DType::uint8:
    case DType::boolean: return first_places<uint8_t>(args, descending, kept);
    default: kernel_error(ErrorKind::native, "the dtype is not supported");
  }
}

void check(const KernelArgs& args, int attributes) {
  const TensorView &x = args.in[0], &out = args.out[0];
  NABLA_CHECK(args.n_attr >= attributes && x.rank > 0 && x.contiguous(), "x must be contiguous");
  NABLA_CHECK(out.dtype == DType::int32 && out.rank == x.rank, "the output must be int32");
}

}  // namespace

void argSort(KernelArgs& args) {
  check(args, 1);
  const TensorView& x = args.in[0];
  NABLA_CHECK(args.out[0].numel() == x.numel(), "the output's size is wrong");
  if (x.numel() == 0) return;
  sort_by_dtype(args, args.attr[0] != 0, x.shape[x.rank - 1]);
}

// Always sorted, which costs nothing more here.
void topK(KernelArgs& args) {
  check(args, 2);
  const TensorView& x = args.in[0];
  const int64_t n = x.shape[x.rank - 1];
  NABLA_CHECK(args.attr[0] >= 0 && args.attr[0] <= static_cast<double>(n), "k is out of range");
  const int64_t k = static_cast<int64_t>(args.attr[0]);
  if (args.out[0].numel() == 0 || x.numel() == 0) return;
  NABLA_CHECK(args.out[0].numel() == x.numel() / n * k, "the output's size is wrong");
  sort_by_dtype(args, true, k);
}

}  // namespace nabla::cuda
