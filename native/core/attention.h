// What commands say of scaledDotProductAttention. Inputs: q [B, Hq, Lq, D], k [B, Hk, Lk, D], v [B, Hk, Lk, Dv], then
// mask and lengths where the attributes say so; attributes: scale, causal, mask, lengths, rate, seed, counter.
#pragma once
#include <cstdint>

#include "core/checks.h"
#include "core/kernel.h"

namespace nabla {

enum class AttentionMask { none = 0, boolean = 1, additive = 2 };

struct AttentionCommand {
  int64_t batch, heads, key_heads, queries, keys, size, value_size;
  double scale;
  bool causal;
  AttentionMask mask_kind;
  const TensorView *mask, *lengths;  // [B, Hq, Lq, Lk] and int32 [B], or null
  double rate;
  uint64_t seed, counter;
  int optional_inputs;  // mask and lengths
};

NABLA_HOST_INLINE void check_attention_view(const TensorView& view, DType dtype, int64_t d0, int64_t d1, int64_t d2,
                                            int64_t d3) {
  NABLA_CHECK(view.dtype == dtype && view.rank == 4 && view.shape[0] == d0 && view.shape[1] == d1 &&
                  view.shape[2] == d2 && view.shape[3] == d3,
              "inputs and outputs must have fitting shapes and dtypes");
}
NABLA_HOST_INLINE void check_last_stride(const TensorView& view) {
  NABLA_CHECK(view.stride[3] == 1 || view.shape[3] <= 1, "the last axis must have stride 1");
}

// Checks what forward and backward have in common. Whether the lengths are in range is left to those who can read them.
NABLA_HOST_INLINE AttentionCommand attention_command(const KernelArgs& args) {
  NABLA_CHECK(args.n_attr >= 7 && args.n_in >= 3, "attention needs its attributes and q, k, v");
  const TensorView &q = args.in[0], &k = args.in[1], &v = args.in[2];
  NABLA_CHECK(q.dtype == DType::float32 || q.dtype == DType::float64, "q must be float32 or float64");
  NABLA_CHECK(q.rank == 4 && k.rank == 4 && v.rank == 4, "q, k and v must have rank 4");
  AttentionCommand p = {q.shape[0],
                        q.shape[1],
                        k.shape[1],
                        q.shape[2],
                        k.shape[2],
                        q.shape[3],
                        v.shape[3],
                        args.attr[0],
                        args.attr[1] != 0,
                        AttentionMask::none,
                        nullptr,
                        nullptr,
                        args.attr[4],
                        0,
                        0,
                        0};
  check_attention_view(k, q.dtype, p.batch, p.key_heads, p.keys, p.size);
  check_attention_view(v, q.dtype, p.batch, p.key_heads, p.keys, p.value_size);
  for (int i = 0; i < 3; ++i) check_last_stride(args.in[i]);
  NABLA_CHECK(p.key_heads > 0 ? p.heads % p.key_heads == 0 : p.heads == 0, "the heads of k must divide those of q");
  NABLA_CHECK(args.attr[2] == 0 || args.attr[2] == 1 || args.attr[2] == 2, "the mask must be 0, 1 or 2");
  p.mask_kind = static_cast<AttentionMask>(static_cast<int>(args.attr[2]));
  const bool masked = p.mask_kind != AttentionMask::none, cut = args.attr[3] != 0;
  p.optional_inputs = (masked ? 1 : 0) + (cut ? 1 : 0);
  NABLA_CHECK(args.n_in >= 3 + p.optional_inputs, "mask and lengths must be there if attr says so");
  if (masked) {
    p.mask = args.in + 3;
    check_attention_view(*p.mask, p.mask_kind == AttentionMask::boolean ? DType::boolean : q.dtype, p.batch, p.heads,
                         p.queries, p.keys);
  }
  if (cut) {
    p.lengths = args.in + (masked ? 4 : 3);
    NABLA_CHECK(p.lengths->dtype == DType::int32 && p.lengths->contiguous() && p.lengths->numel() == p.batch,
                "lengths must be contiguous int32, one for each sample");
  }
  constexpr double kMaxSafeInteger = 9007199254740991.0;
  NABLA_CHECK(p.rate >= 0 && p.rate < 1, "the rate must be in [0, 1)");
  NABLA_CHECK(
      args.attr[5] >= 0 && args.attr[5] <= kMaxSafeInteger && args.attr[6] >= 0 && args.attr[6] <= kMaxSafeInteger,
      "seed and counter must be integers below 2^53");
  p.seed = static_cast<uint64_t>(args.attr[5]);
  p.counter = static_cast<uint64_t>(args.attr[6]);
  return p;
}

}  // namespace nabla
