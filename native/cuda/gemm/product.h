// A batch of matrix products as the GEMM kernels take it, and what they do with finished sums.
#pragma once
#include <cstring>

#include "core/tensor_view.h"
#include "cuda/activate.h"
#include "cuda/gemm/gemm.h"

namespace nabla::cuda {

// A matrix's element (i, j) lies at i * row + j * column; strides count elements.
struct Operand {
  const void* data;
  DType dtype;
  int64_t row, column;
};

// Entry (i0, i1, ...) of the operands lies at the sum of index times stride.
struct ProductBatch {
  int count, rank;
  int shape[kMaxRank];
  int64_t a_stride[kMaxRank], b_stride[kMaxRank];
};

// c = activation(z) + residual, where z = sum + bias; or c += sum + bias. Products of a batch follow one another,
// `batch` elements apart; residual and z lie as c does.
template <typename T>
struct ProductOutput {
  T* c;
  int64_t row, batch;
  const T *bias, *residual;  // may be null
  T* z;                      // may be null
  Activation activation;
  bool accumulate;
  bool aligned;  // c, residual, z and bias can be accessed by 128 bits
};

// a is [m, k], b is [k, n]. T is float (for inputs of float32, bfloat16 and float16) or double.
template <typename T>
struct Product {
  int m, n, k;
  Operand a, b;
  ProductBatch batch;
  ProductOutput<T> out;
};

// Chooses a kernel by shape, strides, dtypes and what the device can do.
template <typename T>
void multiply(Queue& queue, Workspace& workspace, const Product<T>& product);

inline bool aligned16(const void* p) { return reinterpret_cast<uintptr_t>(p) % 16 == 0; }

// ----------------------------------------------------------------------------------------------------------------
// On the device.

// As many elements as one access of 128 bits moves.
template <typename T>
struct alignas(16) Quad {
  static constexpr int kSize = static_cast<int>(16 / sizeof(T));
  T v[kSize];
};
__device__ __forceinline__ Quad<float> load_quad(const float* p) {
  const float4 x = *reinterpret_cast<const float4*>(p);
  return {{x.x, x.y, x.z, x.w}};
}
__device__ __forceinline__ Quad<double> load_quad(const double* p) {
  const double2 x = *reinterpret_cast<const double2*>(p);
  return {{x.x, x.y}};
}
__device__ __forceinline__ void store_quad(float* p, const Quad<float>& q) {
  *reinterpret_cast<float4*>(p) = make_float4(q.v[0], q.v[1], q.v[2], q.v[3]);
}
__device__ __forceinline__ void store_quad(double* p, const Quad<double>& q) {
  *reinterpret_cast<double2*>(p) = make_double2(q.v[0], q.v[1]);
}

__device__ __forceinline__ float float_of_bits(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}
__device__ __forceinline__ float widen_bfloat16(uint32_t bits) { return float_of_bits(bits << 16); }
__device__ __forceinline__ float widen_float16(uint32_t bits) {
  const uint32_t magnitude = (bits & 0x7fffu) << 13;
  // The exponent's bias is 127 instead of 15; the product is exact, also of the denormal numbers.
  const float finite = float_of_bits(magnitude) * 0x1p112f;
  const float x = magnitude >= 0x7c00u << 13 ? float_of_bits(magnitude | 0x7f800000u) : finite;
  return bits & 0x8000u ? -x : x;
}
__device__ __forceinline__ float widen(uint32_t bits, DType dtype) {
  return dtype == DType::bfloat16 ? widen_bfloat16(bits) : widen_float16(bits);
}

// Element `at` of an operand. kHalves: float32, bfloat16 or float16, as `dtype` says; otherwise of type T.
template <typename T, bool kHalves>
__device__ __forceinline__ T load_element(const void* data, DType dtype, int64_t at) {
  if (kHalves && dtype != DType::float32) return static_cast<T>(widen(static_cast<const uint16_t*>(data)[at], dtype));
  return static_cast<const T*>(data)[at];
}
// A quad's elements, neighbours in memory; aligned to what they take.
template <typename T, bool kHalves>
__device__ __forceinline__ Quad<T> load_quad(const void* data, DType dtype, int64_t at) {
  if constexpr (kHalves) {
    if (dtype != DType::float32) {
      const uint2 pairs = *reinterpret_cast<const uint2*>(static_cast<const uint16_t*>(data) + at);
      return {{widen(pairs.x & 0xffffu, dtype), widen(pairs.x >> 16, dtype), widen(pairs.y & 0xffffu, dtype),
               widen(pairs.y >> 16, dtype)}};
    }
  }
  return load_quad(static_cast<const T*>(data) + at);
}

// Where the operands of a batch's entry begin.
struct BatchOffsets {
  int64_t a, b;
};
__device__ __forceinline__ BatchOffsets offsets_of(const ProductBatch& batch, int entry) {
  BatchOffsets at = {0, 0};
#pragma unroll
  for (int d = kMaxRank - 1; d >= 0; --d) {
    if (d >= batch.rank) continue;
    const int index = entry % batch.shape[d];
    entry /= batch.shape[d];
    at.a += index * batch.a_stride[d];
    at.b += index * batch.b_stride[d];
  }
  return at;
}

// Adds neighbours in memory, the first `count` of a quad.
template <typename T>
__device__ __forceinline__ void add_quad(Quad<T>& sums, const T* p, bool whole, int count) {
  if (whole) {
    const Quad<T> terms = load_quad(p);
#pragma unroll
    for (int q = 0; q < Quad<T>::kSize; ++q) sums.v[q] += terms.v[q];
  } else {
#pragma unroll
    for (int q = 0; q < Quad<T>::kSize; ++q) {
      if (q < count) sums.v[q] += p[q];
    }
  }
}
template <typename T>
__device__ __forceinline__ void store_part(T* p, const Quad<T>& quad, bool whole, int count) {
  if (whole) return store_quad(p, quad);
#pragma unroll
  for (int q = 0; q < Quad<T>::kSize; ++q) {
    if (q < count) p[q] = quad.v[q];
  }
}

// A finished sum of column j; its place is counted from out.c.
template <typename T>
__device__ __forceinline__ void finish(const ProductOutput<T>& out, T sum, int64_t place, int j) {
  if (out.bias) sum += out.bias[j];
  if (out.accumulate) sum += out.c[place];
  if (out.z) out.z[place] = sum;
  sum = activate(sum, out.activation);
  if (out.residual) sum += out.residual[place];
  out.c[place] = sum;
}
// The finished sums of columns j, j + 1, ... below n; the first one's place is counted from out.c.
template <typename T>
__device__ __forceinline__ void finish_quad(const ProductOutput<T>& out, Quad<T> sums, int64_t place, int j, int n) {
  const int count = n - j;
  const bool whole = out.aligned && count >= Quad<T>::kSize;
  if (out.bias) add_quad(sums, out.bias + j, whole, count);
  if (out.accumulate) add_quad(sums, static_cast<const T*>(out.c) + place, whole, count);
  if (out.z) store_part(out.z + place, sums, whole, count);
  activate_all(sums.v, out.activation);
  if (out.residual) add_quad(sums, out.residual + place, whole, count);
  store_part(out.c + place, sums, whole, count);
}

}  // namespace nabla::cuda
