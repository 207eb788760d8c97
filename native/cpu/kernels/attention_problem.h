// What attention's kernels are given: shapes, options, and heads that are read through strides.
#pragma once
#include <cstdint>

#include "core/attention.h"
#include "cpu/integers.h"
#include "cpu/isa_namespace.h"

namespace nabla::NABLA_ISA {

// The rows of one head: row i starts at data + i*stride.
template <typename T>
struct HeadRows {
  T* data;
  int64_t stride;
  NABLA_INLINE T* row(int64_t i) const { return data + i * stride; }
};

// A tensor of heads, [B, H, L, size] or, with `length_axis` 1, [B, L, H, size].
template <typename T>
struct Heads {
  T* data;
  int64_t batch_stride, head_stride, row_stride;

  NABLA_INLINE static Heads of(const TensorView& view, int length_axis) {
    return {view.as<T>(), view.stride[0], view.stride[3 - length_axis], view.stride[length_axis]};
  }
  NABLA_INLINE HeadRows<T> at(int64_t b, int64_t h) const {
    return {data + b * batch_stride + h * head_stride, row_stride};
  }
};

struct AttentionProblem : AttentionCommand {
  NABLA_INLINE int64_t group() const { return key_heads > 0 ? heads / key_heads : 0; }
  // Keys that a query may attend, if not for the mask: [0, result) for the queries before `queries_end`.
  NABLA_INLINE int64_t visible(int64_t b, int64_t queries_end) const {
    const int64_t length = lengths ? lengths->as<const int32_t>()[b] : keys;
    return causal ? min_of(length, queries_end) : length;
  }
};

inline AttentionProblem attention_problem(const KernelArgs& args) {
  const AttentionProblem p{attention_command(args)};
  if (p.lengths) {
    const int32_t* const lengths = p.lengths->as<const int32_t>();
    for (int64_t b = 0; b < p.batch; ++b) {
      if (lengths[b] < 0 || lengths[b] > p.keys) {
        kernel_error(ErrorKind::index, "length %d at position %lld is outside [0, %lld]", lengths[b],
                     static_cast<long long>(b), static_cast<long long>(p.keys));
      }
    }
  }
  return p;
}

}  // namespace nabla::NABLA_ISA
