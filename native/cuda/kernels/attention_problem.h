// What attention's kernels are given: shapes, options, and heads that are read through strides.
#pragma once
#include <cstdint>

#include "core/checks.h"
#include "core/kernel.h"
#include "cuda/launch.h"
#include "cuda/queue.h"

namespace nabla::cuda {

// Rows of one head: row i starts at data + i*stride; those from `rows` on count as zeros.
template <typename T>
struct HeadRows {
  T* data;
  int64_t stride;
  int rows, size;
  bool wide;  // whether rows can be read 16 bytes at a time
};

// A tensor of heads, [B, H, L, size] or, with `length_axis` 1, [B, L, H, size].
template <typename T>
struct Heads {
  T* data;
  int64_t batch_stride, head_stride, row_stride;
  int rows, size;
  bool wide;

  static Heads of(const TensorView& view, int length_axis) {
    constexpr int64_t kWide = 16 / sizeof(T);
    Heads heads = {view.as<T>(),
                   view.stride[0],
                   view.stride[3 - length_axis],
                   view.stride[length_axis],
                   static_cast<int>(view.shape[length_axis]),
                   static_cast<int>(view.shape[3]),
                   reinterpret_cast<uintptr_t>(view.data) % 16 == 0 && view.shape[3] % kWide == 0};
    // The stride of an axis of one element may be anything, and is never used.
    for (int d = 0; d < 3; ++d) heads.wide = heads.wide && (view.stride[d] % kWide == 0 || view.shape[d] == 1);
    return heads;
  }
  __device__ HeadRows<T> at(int b, int h) const {
    return {data + b * batch_stride + h * head_stride, row_stride, rows, size, wide};
  }
};

enum class AttentionMask { none = 0, boolean = 1, additive = 2 };

struct AttentionProblem {
  int batch, heads, key_heads, queries, keys, size, value_size;
  double scale;
  bool causal;
  AttentionMask mask_kind;
  const void* mask;  // [B, Hq, Lq, Lk], if there is one, with strides of ...
  int64_t mask_batch, mask_head, mask_query, mask_key;
  const int32_t* lengths;  // [B], or null
  double rate;
  uint64_t seed, counter;
  int optional_inputs;  // mask and lengths

  NABLA_INLINE int group() const { return key_heads > 0 ? heads / key_heads : 0; }
  // Keys of sample b: those from here on are hidden. A length outside is reported by check_lengths().
  __device__ int length(int b) const {
    if (!lengths) return keys;
    const int length = lengths[b];
    return length < 0 ? 0 : length > keys ? keys : length;
  }
};

inline void check_attention_view(const TensorView& view, DType dtype, int64_t d0, int64_t d1, int64_t d2, int64_t d3) {
  NABLA_CHECK(view.dtype == dtype && view.rank == 4 && view.shape[0] == d0 && view.shape[1] == d1 &&
                  view.shape[2] == d2 && view.shape[3] == d3,
              "inputs and outputs must have fitting shapes and dtypes");
}
inline void check_last_stride(const TensorView& view) {
  NABLA_CHECK(view.stride[3] == 1 || view.shape[3] <= 1, "the last axis must have stride 1");
}

static __global__ void __launch_bounds__(256)
    report_lengths(const int32_t* lengths, int batch, int keys, FaultWord* fault) {
  const int b = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (b < batch && (lengths[b] < 0 || lengths[b] > keys)) report_fault(fault, b, lengths[b]);
}

inline void check_lengths(Queue& queue, const AttentionProblem& p) {
  const long long keys = p.keys;
  FaultWord* fault = queue.fault(ErrorKind::index, [keys](int64_t position, int32_t length) {
    return "length " + std::to_string(length) + " at position " + std::to_string(position) + " is outside [0, " +
           std::to_string(keys) + "]";
  });
  launch(report_lengths, dim3(blocks_for(p.batch, 256)), dim3(256), 0, queue.stream(), p.lengths, p.batch, p.keys,
         fault);
}

// Checks what forward and backward have in common. Inputs: q, k, v, then mask and lengths if attr says so; attr: scale,
// causal, mask, lengths, rate, seed, counter.
inline AttentionProblem attention_problem(KernelArgs& args) {
  NABLA_CHECK(args.n_attr >= 7 && args.n_in >= 3, "attention needs its attributes and q, k, v");
  const TensorView &q = args.in[0], &k = args.in[1], &v = args.in[2];
  NABLA_CHECK(q.dtype == DType::float32 || q.dtype == DType::float64, "q must be float32 or float64");
  NABLA_CHECK(q.rank == 4 && k.rank == 4 && v.rank == 4, "q, k and v must have rank 4");
  check_attention_view(k, q.dtype, q.shape[0], k.shape[1], k.shape[2], q.shape[3]);
  check_attention_view(v, q.dtype, q.shape[0], k.shape[1], k.shape[2], v.shape[3]);
  AttentionProblem p = {};
  int* const sizes[] = {&p.batch, &p.heads, &p.key_heads, &p.queries, &p.keys, &p.size, &p.value_size};
  const int64_t given[] = {q.shape[0], q.shape[1], k.shape[1], q.shape[2], k.shape[2], q.shape[3], v.shape[3]};
  for (int i = 0; i < 7; ++i) {
    NABLA_CHECK(given[i] <= INT32_MAX - 1024, "no axis may have 2^31 elements");
    *sizes[i] = static_cast<int>(given[i]);
  }
  for (int i = 0; i < 3; ++i) check_last_stride(args.in[i]);
  NABLA_CHECK(p.key_heads > 0 ? p.heads % p.key_heads == 0 : p.heads == 0, "the heads of k must divide those of q");
  p.scale = args.attr[0];
  p.causal = args.attr[1] != 0;
  NABLA_CHECK(args.attr[2] == 0 || args.attr[2] == 1 || args.attr[2] == 2, "the mask must be 0, 1 or 2");
  p.mask_kind = static_cast<AttentionMask>(static_cast<int>(args.attr[2]));
  const bool masked = p.mask_kind != AttentionMask::none, cut = args.attr[3] != 0;
  p.optional_inputs = (masked ? 1 : 0) + (cut ? 1 : 0);
  NABLA_CHECK(args.n_in >= 3 + p.optional_inputs, "mask and lengths must be there if attr says so");
  if (masked) {
    const TensorView& mask = args.in[3];
    check_attention_view(mask, p.mask_kind == AttentionMask::boolean ? DType::boolean : q.dtype, p.batch, p.heads,
                         p.queries, p.keys);
    p.mask = mask.data;
    p.mask_batch = mask.stride[0], p.mask_head = mask.stride[1];
    p.mask_query = mask.stride[2], p.mask_key = mask.stride[3];
  }
  constexpr double kMaxSafeInteger = 9007199254740991.0;
  p.rate = args.attr[4];
  NABLA_CHECK(p.rate >= 0 && p.rate < 1, "the rate must be in [0, 1)");
  NABLA_CHECK(
      args.attr[5] >= 0 && args.attr[5] <= kMaxSafeInteger && args.attr[6] >= 0 && args.attr[6] <= kMaxSafeInteger,
      "seed and counter must be integers below 2^53");
  p.seed = static_cast<uint64_t>(args.attr[5]);
  p.counter = static_cast<uint64_t>(args.attr[6]);
  if (cut) {
    const TensorView& lengths = args.in[masked ? 4 : 3];
    NABLA_CHECK(lengths.dtype == DType::int32 && lengths.contiguous() && lengths.numel() == p.batch,
                "lengths must be contiguous int32, one for each sample");
    p.lengths = lengths.as<const int32_t>();
    check_lengths(queue_of(args), p);
  }
  return p;
}

}  // namespace nabla::cuda
