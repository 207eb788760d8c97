// What reductions do with their elements: the input's type In; the type Part of a few elements' result and Acc of any
// number's; identity(), combine() of two results, and write(), which makes an output of one.
#pragma once
#include <cstdint>
#include <type_traits>

#include "cuda/kernels/float_math.h"

namespace nabla::cuda {

// Where results go, and the number of elements in each.
struct ReduceOutput {
  void* data;
  int64_t count;
  bool mean;   // of a Sum: divide by count
  bool truth;  // of an Extreme of bools
};

// Integers are summed in 64 bits, which hold any sum of fewer than 2^32 elements; their sum is cut to int32 (so it
// wraps), their mean is float32.
template <typename T>
struct Sum {
  static constexpr bool kFloating = std::is_floating_point_v<T>;
  using In = T;
  using Part = std::conditional_t<kFloating, T, std::conditional_t<sizeof(T) == 1, int32_t, int64_t>>;
  using Acc = std::conditional_t<kFloating, double, int64_t>;
  template <typename A>
  __device__ A identity() const {
    return A(0);
  }
  template <typename A>
  __device__ A operator()(A a, A b) const {
    return a + b;
  }
  template <typename A>
  __device__ void write(const ReduceOutput& out, int64_t i, A sum) const {
    if constexpr (kFloating) {
      static_cast<T*>(out.data)[i] = out.mean ? static_cast<T>(sum) / static_cast<T>(out.count) : static_cast<T>(sum);
    } else if (out.mean) {
      static_cast<float*>(out.data)[i] = static_cast<float>(static_cast<double>(sum) / static_cast<double>(out.count));
    } else {
      static_cast<int32_t*>(out.data)[i] = static_cast<int32_t>(sum);
    }
  }
};

// Integers are multiplied in 32 bits, where the product wraps.
template <typename T>
struct Product {
  using In = T;
  using Acc = std::conditional_t<std::is_floating_point_v<T>, T, uint32_t>;
  using Part = Acc;
  template <typename A>
  __device__ A identity() const {
    return A(1);
  }
  template <typename A>
  __device__ A operator()(A a, A b) const {
    return a * b;
  }
  __device__ void write(const ReduceOutput& out, int64_t i, Acc product) const {
    static_cast<Acc*>(out.data)[i] = product;
  }
};

// The greatest element or the least, where NaN beats all. Of bools (0 and 1) these are any and all.
template <typename T>
struct Extreme {
  using In = T;
  using Part = T;
  using Acc = T;
  bool greatest;
  template <typename A>
  __device__ A identity() const {
    if constexpr (std::is_floating_point_v<T>) {
      return greatest ? -infinity<T>() : infinity<T>();
    } else if constexpr (std::is_signed_v<T>) {
      return greatest ? INT32_MIN : INT32_MAX;
    } else {
      return greatest ? 0 : UINT8_MAX;
    }
  }
  template <typename A>
  __device__ A operator()(A a, A b) const {
    // Comparisons with a NaN in `a` are false and leave it there.
    return (greatest ? b > a : b < a) || b != b ? b : a;
  }
  __device__ void write(const ReduceOutput& out, int64_t i, T value) const {
    static_cast<T*>(out.data)[i] = out.truth ? static_cast<T>(value != 0) : value;
  }
};

}  // namespace nabla::cuda
