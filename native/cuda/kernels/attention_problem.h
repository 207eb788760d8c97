// What attention's kernels are given: shapes, options, and heads that are read through strides.
#pragma once
#include <cstdint>

#include "core/attention.h"
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

inline AttentionProblem attention_problem(KernelArgs& args) {
  const AttentionCommand command = attention_command(args);
  AttentionProblem p = {};
  int* const sizes[] = {&p.batch, &p.heads, &p.key_heads, &p.queries, &p.keys, &p.size, &p.value_size};
  const int64_t given[] = {command.batch, command.heads, command.key_heads, command.queries,
                           command.keys,  command.size,  command.value_size};
  for (int i = 0; i < 7; ++i) {
    NABLA_CHECK(given[i] <= INT32_MAX - 1024, "no axis may have 2^31 elements");
    *sizes[i] = static_cast<int>(given[i]);
  }
  p.scale = command.scale;
  p.causal = command.causal;
  p.mask_kind = command.mask_kind;
  p.optional_inputs = command.optional_inputs;
  if (command.mask) {
    const TensorView& mask = *command.mask;
    p.mask = mask.data;
    p.mask_batch = mask.stride[0], p.mask_head = mask.stride[1];
    p.mask_query = mask.stride[2], p.mask_key = mask.stride[3];
  }
  p.rate = command.rate;
  p.seed = command.seed;
  p.counter = command.counter;
  if (command.lengths) {
    p.lengths = command.lengths->as<const int32_t>();
    check_lengths(queue_of(args), p);
  }
  return p;
}

}  // namespace nabla::cuda
