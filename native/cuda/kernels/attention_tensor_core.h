// Attention of heads of at most 64 columns on tensor cores of tf32: a warp keeps 16 queries in registers, blocks of 64
// keys and values pass by in shared memory. Weights go from one product to the next in registers, after
// FlashAttention-2 (Dao, 2023).
#pragma once
#include "cuda/kernels/attention_dropout.h"
#include "cuda/kernels/attention_mask.h"
#include "cuda/kernels/attention_softmax.h"
#include "cuda/mma.h"

namespace nabla::cuda {

// Made by 128 threads, as this tile's.
using TensorCoreBits = KeptBits<AttentionTile<float, 8, 1>>;
constexpr int kTensorThreads = 128, kTensorBlock = 64, kTensorSize = 64, kTensorSteps = kTensorSize / 8;
// Fragments of keys are read at (4 * g + t) banks and those of values at (8 * t + g) banks, both without conflicts.
constexpr int kTensorStride = kTensorSize + 4;

inline bool fits_tensor_cores(const AttentionForward<float>& f) {
  const auto fits = [](int size) { return 0 < size && size <= kTensorSize; };
  return fits(f.p.size) && fits(f.p.value_size) && f.k.wide && f.v.wide;
}

// Begins to copy 64 rows, with zeros beyond the matrix.
__device__ __forceinline__ void copy_rows(const HeadRows<const float>& from, int first, float* to) {
  constexpr int kAcross = kTensorSize / 4;
#pragma unroll 4
  for (int at = static_cast<int>(threadIdx.x); at < kTensorBlock * kAcross; at += kTensorThreads) {
    const int row = at / kAcross, column = at % kAcross * 4;
    const bool exists = first + row < from.rows && column < from.size;
    const float* source = exists ? from.data + (first + row) * from.stride + column : from.data;
    cp_async16(to + row * kTensorStride + column, source, exists ? 16 : 0);
  }
}

// Fragments of 16 queries from row `first` on: the thread's rows are g and g + 8.
__device__ __forceinline__ void load_queries(const HeadRows<const float>& from, int first, float factor,
                                             uint32_t (&fragments)[kTensorSteps][4]) {
  const int g = static_cast<int>(threadIdx.x % kWarp) / 4, t = static_cast<int>(threadIdx.x) % 4;
#pragma unroll
  for (int step = 0; step < kTensorSteps; ++step) {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int row = first + g + i % 2 * 8, column = step * 8 + t + i / 2 * 4;
      const bool exists = row < from.rows && column < from.size;
      fragments[step][i] = round_tf32(exists ? from.data[row * from.stride + column] * factor : 0.0f);
    }
  }
}

// Element e of fragment n of the scores is of row g + 8 * (e / 2) and of key 8 * n + 2 * t + e % 2.
static __global__ void __launch_bounds__(kTensorThreads, 3) attention_tensor_core(AttentionForward<float> f) {
  SHARED(float4, key_memory, [kTensorBlock * kTensorStride / 4]);
  SHARED(float4, value_memory, [kTensorBlock * kTensorStride / 4]);
  SHARED(uint32_t, bits, [TensorCoreBits::kAll]);
  float *const key_rows = &key_memory[0].x, *const value_rows = &value_memory[0].x;
  const AttentionProblem& p = f.p;
  const int g = static_cast<int>(threadIdx.x % kWarp) / 4, t = static_cast<int>(threadIdx.x) % 4;
  const int warp_row = static_cast<int>(threadIdx.x) / kWarp * 16;

  const int block = static_cast<int>(blockIdx.x);
  const int query = (f.query_blocks - 1 - block % f.query_blocks) * kTensorBlock;
  const int head = block / f.query_blocks, b = head / p.heads, h = head % p.heads;
  const int length = p.length(b), last = query + kTensorBlock;
  const int visible = p.causal && last < length ? last : length;
  HeadRows<const float> keys = f.k.at(b, h / p.group()), values = f.v.at(b, h / p.group());
  keys.rows = values.rows = visible;

  uint32_t queries[kTensorSteps][4];
  load_queries(f.q.at(b, h), query + warp_row, static_cast<float>(p.scale) * score_unit<float>(), queries);
  const int64_t first_mask =
      b * p.mask_batch + h * p.mask_head + (query + warp_row + g) * p.mask_query + 2 * t * p.mask_key;
  float out[kTensorSteps][4] = {}, maximum[2] = {-infinity_of<float>(), -infinity_of<float>()}, sum[2] = {};

  if (visible > 0) copy_rows(keys, 0, key_rows);
  cp_async_commit();
#pragma unroll 1
  for (int key = 0; key < visible; key += kTensorBlock) {
    copy_rows(values, key, value_rows);
    cp_async_commit();
    if (f.dropout.exists) TensorCoreBits::make(p, f.dropout.threshold, b, h, query, key, bits);
    cp_async_wait<1>();
    __syncthreads();
    float scores[kTensorSteps][4] = {};
#pragma unroll
    for (int step = 0; step < kTensorSteps; ++step) {
      if (step * 8 >= p.size) break;
#pragma unroll
      for (int n = 0; n < kTensorSteps; ++n) {
        const float* row = key_rows + (n * 8 + g) * kTensorStride + step * 8 + t;
        const uint32_t fragment[2] = {round_tf32(row[0]), round_tf32(row[4])};
        mma_m16n8k8_tf32(scores[n], queries[step], fragment);
      }
    }
    __syncthreads();  // all have read these keys
    if (key + kTensorBlock < visible) copy_rows(keys, key + kTensorBlock, key_rows);
    cp_async_commit();

#pragma unroll
    for (int n = 0; n < kTensorSteps; ++n) {
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        const int i = query + warp_row + g + e / 2 * 8, column = n * 8 + e % 2, j = key + 2 * t + column;
        const bool seen = i < p.queries && j < visible && (!p.causal || j <= i);
        if (p.mask_kind != AttentionMask::none && seen) {
          scores[n][e] += mask_value<float>(p, first_mask + e / 2 * 8 * p.mask_query + (key + column) * p.mask_key);
        }
        if (!seen) scores[n][e] = -infinity_of<float>();
      }
    }
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      float greatest = maximum[r];
#pragma unroll
      for (int n = 0; n < kTensorSteps; ++n) {
        greatest = GreaterOp()(GreaterOp()(greatest, scores[n][2 * r]), scores[n][2 * r + 1]);
      }
      greatest = fold_lanes<4>(greatest, GreaterOp());
      const float shift = greatest == -infinity_of<float>() ? 0.0f : greatest, factor = power(maximum[r] - shift);
      maximum[r] = greatest;
      sum[r] *= factor;
#pragma unroll
      for (int n = 0; n < kTensorSteps; ++n) {
#pragma unroll
        for (int e = 2 * r; e < 2 * r + 2; ++e) {
          scores[n][e] = power(scores[n][e] - shift);
          sum[r] += scores[n][e];
          out[n][e] *= factor;
        }
      }
    }
    if (f.dropout.exists) {
      const float scale = static_cast<float>(f.dropout.scale);
#pragma unroll
      for (int n = 0; n < kTensorSteps; ++n) {
#pragma unroll
        for (int e = 0; e < 4; ++e) {
          const int column = n * 8 + 2 * t + e % 2;
          const uint32_t word = bits[(warp_row + g + e / 2 * 8) * TensorCoreBits::kWords + n / 4];
          scores[n][e] *= word >> (column % 32) & 1 ? scale : 0.0f;
        }
      }
    }

    cp_async_wait<1>();
    __syncthreads();
    // The order of keys does not matter to the sum: column t of this product is key 2t, column t + 4 is key 2t + 1, so
    // that a thread has its fragment of the weights already.
#pragma unroll
    for (int step = 0; step < kTensorSteps; ++step) {
      const uint32_t weights[4] = {round_tf32(scores[step][0]), round_tf32(scores[step][2]),
                                   round_tf32(scores[step][1]), round_tf32(scores[step][3])};
#pragma unroll
      for (int n = 0; n < kTensorSteps; ++n) {
        if (n * 8 >= p.value_size) break;
        const float* row = value_rows + (step * 8 + 2 * t) * kTensorStride + n * 8 + g;
        const uint32_t fragment[2] = {round_tf32(row[0]), round_tf32(row[kTensorStride])};
        mma_m16n8k8_tf32(out[n], weights, fragment);
      }
    }
    __syncthreads();  // all have read these values and bits
  }

  const HeadRows<float> y = f.y.at(b, h);
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    const int row = query + warp_row + g + 8 * r;
    const float total = fold_lanes<4>(sum[r], AddOp()), normalizer = total == 0 ? 0.0f : 1 / total;
    if (row >= p.queries) continue;
    if (t == 0) write_statistics(f, head, row, maximum[r], total, normalizer);
#pragma unroll
    for (int n = 0; n < kTensorSteps; ++n) {
      const int column = n * 8 + 2 * t;
      float* to = y.data + row * y.stride + column;
      const float2 pair = make_float2(out[n][2 * r] * normalizer, out[n][2 * r + 1] * normalizer);
      if (y.wide) {
        if (column < y.size) *reinterpret_cast<float2*>(to) = pair;
      } else {
        if (column < y.size) to[0] = pair.x;
        if (column + 1 < y.size) to[1] = pair.y;
      }
    }
  }
}

}  // namespace nabla::cuda
