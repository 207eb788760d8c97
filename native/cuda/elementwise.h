// What elementwise kernels share: map() computes args.out[0] from inputs of its shape and any strides.
#pragma once
#include <initializer_list>
#include <utility>

#include "cuda/queue.h"
#include "cuda/strided.h"

namespace nabla::cuda {

constexpr int kMapThreads = 256;

// The dtype whose elements a T is. Arithmetic on int32 is done on uint32_t, where overflow wraps.
template <typename T>
constexpr DType kDTypeOf = DType::float32;
template <>
constexpr DType kDTypeOf<double> = DType::float64;
template <>
constexpr DType kDTypeOf<int32_t> = DType::int32;
template <>
constexpr DType kDTypeOf<uint32_t> = DType::int32;
template <>
constexpr DType kDTypeOf<uint8_t> = DType::uint8;

// From p on: V elements of which `count` are there, or one element V times.
template <int V, typename T>
__device__ __forceinline__ Vec<T, V> load_operand(const T* p, bool repeated, uint32_t count) {
  Vec<T, V> x;
  if (repeated) {
    const T one = *p;
#pragma unroll
    for (int j = 0; j < V; ++j) x.at[j] = one;
  } else if (count >= V) {
    x = load_vec<V>(p);
  } else {
#pragma unroll
    for (int j = 0; j < V; ++j) x.at[j] = p[static_cast<uint32_t>(j) < count ? j : 0];
  }
  return x;
}

template <int V, typename Out, typename F, typename... X>
__device__ __forceinline__ Vec<Out, V> map_each(F f, const X&... x) {
  Vec<Out, V> y;
#pragma unroll
  for (int j = 0; j < V; ++j) y.at[j] = static_cast<Out>(f(x.at[j]...));
  return y;
}

// The inputs of a launch.
template <int N>
struct Operands {
  StridedIndex<N> index;
  const void* data[N];
  // Bit k: the rows of input k repeat one element.
  uint32_t repeated;
};
// The types of a kernel's elements. (nvcc cannot name kernels that have several inputs' types as a pack of their own.)
template <typename Out, typename... In>
struct Types {};

// A pack per thread.
template <int V, int N, typename F, typename Out, typename... In, size_t... k>
__device__ __forceinline__ void map_pack(const Operands<N>& operands, uint32_t n, F f, Out* __restrict__ out,
                                         Types<Out, In...>, std::index_sequence<k...>) {
  const uint32_t pack = blockIdx.x * kMapThreads + threadIdx.x;
  if (pack >= (n + V - 1) / V) return;
  const uint32_t first = pack * V, count = n - first;
  const Offsets<N> offset = operands.index(pack);
  const Vec<Out, V> y = map_each<V, Out>(f, load_operand<V>(static_cast<const In*>(operands.data[k]) + offset.of[k],
                                                            operands.repeated >> k & 1, count)...);
  if (count >= V) return store_vec(out + first, y);
#pragma unroll
  for (int j = 0; j < V; ++j) {
    if (static_cast<uint32_t>(j) < count) out[first + j] = y.at[j];
  }
}
template <int V, int N, typename F, typename Out, typename List>
__global__ void __launch_bounds__(kMapThreads) map_packs(Operands<N> operands, uint32_t n, F f, Out* out) {
  map_pack<V>(operands, n, f, out, List(), std::make_index_sequence<N>());
}

// The elements of one input at V places.
template <int k, int V, int N, typename T>
__device__ __forceinline__ Vec<T, V> operand_at(const T* in, const Offsets<N> (&offset)[V]) {
  Vec<T, V> x;
#pragma unroll
  for (int j = 0; j < V; ++j) x.at[j] = in[offset[j].of[k]];
  return x;
}

// V elements per thread, which lie apart, so that neighbours in a warp are neighbours in memory.
template <int V, int N, typename F, typename Out, typename... In, size_t... k>
__device__ __forceinline__ void map_apart(const Operands<N>& operands, uint32_t n, F f, Out* __restrict__ out,
                                          Types<Out, In...>, std::index_sequence<k...>) {
  const uint32_t first = blockIdx.x * (kMapThreads * V) + threadIdx.x;
  Offsets<N> offset[V];
#pragma unroll
  for (int j = 0; j < V; ++j) {
    const uint32_t i = first + j * kMapThreads;
    offset[j] = operands.index(i < n ? i : n - 1);
  }
  const Vec<Out, V> y = map_each<V, Out>(f, operand_at<k>(static_cast<const In*>(operands.data[k]), offset)...);
#pragma unroll
  for (int j = 0; j < V; ++j) {
    const uint32_t i = first + j * kMapThreads;
    if (i < n) out[i] = y.at[j];
  }
}
template <int V, int N, typename F, typename Out, typename List>
__global__ void __launch_bounds__(kMapThreads) map_elements(Operands<N> operands, uint32_t n, F f, Out* out) {
  map_apart<V>(operands, n, f, out, List(), std::make_index_sequence<N>());
}

constexpr size_t largest_of(std::initializer_list<size_t> sizes) {
  size_t result = 0;
  for (size_t size : sizes) result = size > result ? size : result;
  return result;
}

// The inputs of args, and whether they and the output can be taken V elements at a time.
template <int V, int N>
struct MapInputs {
  const TensorView* in[N];
  StridedLoop<N> loop;
  uint32_t repeated = 0;
  bool packs;

  MapInputs(const TensorView* inputs, const TensorView& out) : loop(loop_over(inputs, out, in)) {
    packs = loop.packs(V) && aligned(out.data, V * dtype_size(out.dtype));
    for (int k = 0; k < N; ++k) {
      const bool repeats = loop.row_stride(k) == 0;
      repeated |= static_cast<uint32_t>(repeats) << k;
      packs = packs && (repeats || aligned(in[k]->data, V * dtype_size(in[k]->dtype)));
    }
  }
  Operands<N> operands() const {
    Operands<N> result = {StridedIndex<N>(packs ? loop.in_packs(V) : loop), {}, repeated};
    for (int k = 0; k < N; ++k) result.data[k] = in[k]->data;
    return result;
  }

 private:
  static StridedLoop<N> loop_over(const TensorView* inputs, const TensorView& out, const TensorView* (&in)[N]) {
    for (int k = 0; k < N; ++k) {
      NABLA_CHECK(same_shape(inputs[k], out), "the shapes of input and output differ");
      in[k] = &inputs[k];
    }
    return collapse<N>(in);
  }
};

// out[0][...] = f(in[0][...], ...) with elements of the types Out and In. Checks shapes; dtypes are the caller's.
template <typename Out, typename... In, typename F>
void map(KernelArgs& args, F f) {
  constexpr int N = sizeof...(In);
  constexpr int V = kPackBytes / static_cast<int>(largest_of({sizeof(Out), sizeof(In)...}));
  constexpr int kApart = V < 4 ? V : 4;
  const TensorView& out = args.out[0];
  const MapInputs<V, N> inputs(args.in, out);
  const int64_t n = out.numel();
  const cudaStream_t stream = queue_of(args).stream();
  if (n == 0) return;
  if (inputs.packs) {
    launch(map_packs<V, N, F, Out, Types<Out, In...>>, blocks_for(n, int64_t{kMapThreads} * V), kMapThreads, 0, stream,
           inputs.operands(), n, f, out.as<Out>());
  } else {
    launch(map_elements<kApart, N, F, Out, Types<Out, In...>>, blocks_for(n, int64_t{kMapThreads} * kApart),
           kMapThreads, 0, stream, inputs.operands(), n, f, out.as<Out>());
  }
}

}  // namespace nabla::cuda
