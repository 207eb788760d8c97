// Between any two dtypes, any strides to contiguous.
#include <type_traits>

#include "core/checks.h"
#include "cuda/convert.h"
#include "cuda/elementwise.h"

namespace nabla::cuda {
namespace {

template <typename T>
struct Convert {
  template <typename S>
  __device__ T operator()(S x) const {
    return convert<T>(x);
  }
};

template <int V, typename T, typename S>
__global__ void __launch_bounds__(kMapThreads) convert_packs(Operands<1> operands, uint32_t n, T* out) {
  map_pack<V>(operands, n, Convert<T>(), out, Types<T, S>(), std::index_sequence<0>());
}

// One kernel for each pair of types: what has no rows of packs is copied first.
template <typename S, typename T>
void cast_to(KernelArgs& args) {
  const TensorView& out = args.out[0];
  const cudaStream_t stream = queue_of(args).stream();
  if constexpr (std::is_same_v<S, T>) {
    NABLA_CHECK(same_shape(args.in[0], out), "the shapes of input and output differ");
    copy_strided(out, args.in[0], stream);
  } else {
    constexpr int V = kPackBytes / static_cast<int>(largest_of({sizeof(T), sizeof(S)}));
    const bool packs = MapInputs<V, 1>(args.in, out).packs;
    const int64_t n = out.numel();
    if (n == 0) return;
    NABLA_CHECK(aligned(out.data, kPackBytes), "the output is not aligned");
    TensorView in = args.in[0];
    if (!packs) {
      in = contiguous_like(in, args.workspace.get(static_cast<size_t>(n * dtype_size(in.dtype))));
      copy_strided(in, args.in[0], stream);
    }
    launch(convert_packs<V, T, S>, blocks_for(n, int64_t{kMapThreads} * V), kMapThreads, 0, stream,
           MapInputs<V, 1>(&in, out).operands(), n, out.as<T>());
  }
}

template <typename S>
void cast_from(KernelArgs& args) {
  switch (args.out[0].dtype) {
    case DType::float32: return cast_to<S, float>(args);
    case DType::float64: return cast_to<S, double>(args);
    case DType::int32: return cast_to<S, int32_t>(args);
    case DType::uint8: return cast_to<S, uint8_t>(args);
    case DType::boolean: return cast_to<S, Bool>(args);
    case DType::bfloat16: return cast_to<S, BFloat16>(args);
    case DType::float16: return cast_to<S, Float16>(args);
  }
}

}  // namespace

void cast(KernelArgs& args) {
  switch (args.in[0].dtype) {
    case DType::float32: return cast_from<float>(args);
    case DType::float64: return cast_from<double>(args);
    case DType::int32: return cast_from<int32_t>(args);
    case DType::uint8:
    case DType::boolean: return cast_from<uint8_t>(args);
    case DType::bfloat16: return cast_from<BFloat16>(args);
    case DType::float16: return cast_from<Float16>(args);
  }
}

}  // namespace nabla::cuda
