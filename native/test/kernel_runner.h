// Tensors of any layout, and kernels called by name on every kernel set that this CPU has.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <vector>

#include "call_kernel.h"
#include "core/kernel.h"
#include "core/ops.h"
#include "cpu/isa.h"
#include "cpu/thread_pool.h"
#include "test_main.h"

namespace nabla_test {

using nabla::DType;
using nabla::Isa;
using nabla::TensorView;

constexpr DType kFloats[] = {DType::float32, DType::float64};
constexpr DType kAllDTypes[] = {DType::float32, DType::float64, DType::int32, DType::uint8, DType::boolean};
// With those that kernels move and convert only.
constexpr DType kStoredDTypes[] = {DType::float32, DType::float64,  DType::int32,  DType::uint8,
                                   DType::boolean, DType::bfloat16, DType::float16};

// The 16-bit formats by their definition.
struct HalfFormat {
  int fraction_bits, least_exponent, greatest_exponent;
};
constexpr HalfFormat half_format(DType dtype) {
  return dtype == DType::bfloat16 ? HalfFormat{7, -126, 127} : HalfFormat{10, -14, 15};
}
inline double half_value(DType dtype, uint16_t bits) {
  const HalfFormat f = half_format(dtype);
  const int exponent = (bits & 0x7FFF) >> f.fraction_bits;
  const int fraction = bits & ((1 << f.fraction_bits) - 1);
  const double sign = bits & 0x8000 ? -1 : 1;
  if (exponent > f.greatest_exponent - f.least_exponent + 1) return fraction ? std::nan("") : sign * HUGE_VAL;
  const double mantissa = fraction + (exponent ? 1 << f.fraction_bits : 0);
  return sign * std::ldexp(mantissa, (exponent ? exponent - 1 : 0) + f.least_exponent - f.fraction_bits);
}
// The nearest value of the format, ties to even.
inline double half_rounded(DType dtype, double x) {
  if (!std::isfinite(x) || x == 0) return x;
  const HalfFormat f = half_format(dtype);
  const int exponent = std::max(std::ilogb(x), f.least_exponent) - f.fraction_bits;
  const double y = std::ldexp(std::nearbyint(std::ldexp(x, -exponent)), exponent);
  return std::fabs(y) >= std::ldexp(1, f.greatest_exponent + 1) ? std::copysign(HUGE_VAL, x) : y;
}
// The bits of a value of the format.
inline uint16_t half_bits(DType dtype, double x) {
  const HalfFormat f = half_format(dtype);
  const int infinity = (f.greatest_exponent - f.least_exponent + 2) << f.fraction_bits;
  const int sign = std::signbit(x) ? 0x8000 : 0;
  if (std::isnan(x)) return static_cast<uint16_t>(sign | infinity | 1 << (f.fraction_bits - 1));
  if (std::isinf(x)) return static_cast<uint16_t>(sign | infinity);
  if (x == 0) return static_cast<uint16_t>(sign);
  const int exponent = std::max(std::ilogb(x), f.least_exponent);
  const int mantissa = static_cast<int>(std::ldexp(std::fabs(x), f.fraction_bits - exponent));
  // The leading one of a normal number counts as one more in the exponent.
  return static_cast<uint16_t>(sign | (((exponent - f.least_exponent) << f.fraction_bits) + mantissa));
}

// How a tensor's elements lie: `rows` repeats along the first dimension, `columns` along the last, `scalar` along all;
// `transposed` has its dimensions in reverse order, `reversed` negative strides, `spread` gaps.
enum class Layout { contiguous, rows, columns, scalar, transposed, reversed, spread };
constexpr Layout kLayouts[] = {Layout::contiguous, Layout::rows,     Layout::columns, Layout::scalar,
                               Layout::transposed, Layout::reversed, Layout::spread};

inline double get(DType dtype, const void* data, int64_t i) {
  switch (dtype) {
    case DType::float32: return static_cast<const float*>(data)[i];
    case DType::float64: return static_cast<const double*>(data)[i];
    case DType::int32: return static_cast<const int32_t*>(data)[i];
    case DType::uint8:
    case DType::boolean: return static_cast<const uint8_t*>(data)[i];
    case DType::bfloat16:
    case DType::float16: return half_value(dtype, static_cast<const uint16_t*>(data)[i]);
  }
  return 0;
}
// x must be a value of the dtype (or, for float32 and the 16-bit formats, any double).
inline void set(DType dtype, void* data, int64_t i, double x) {
  switch (dtype) {
    case DType::float32: static_cast<float*>(data)[i] = static_cast<float>(x); break;
    case DType::float64: static_cast<double*>(data)[i] = x; break;
    case DType::int32: static_cast<int32_t*>(data)[i] = static_cast<int32_t>(x); break;
    case DType::uint8:
    case DType::boolean: static_cast<uint8_t*>(data)[i] = static_cast<uint8_t>(x); break;
    case DType::bfloat16:
    case DType::float16: static_cast<uint16_t*>(data)[i] = half_bits(dtype, half_rounded(dtype, x)); break;
  }
}

struct alignas(64) Line {
  uint64_t word[8];
  static Line marked() {
    Line line;
    for (uint64_t& word : line.word) word = 0xA5A5A5A5A5A5A5A5u;
    return line;
  }
  bool operator==(const Line& other) const { return !std::memcmp(word, other.word, sizeof word); }
};

// A view into a buffer of its own, aligned to a cache line (as tensors are) if contiguous. The buffer's bytes start as
// 0xA5, also around and between the elements.
class TestTensor {
 public:
  using Shape = std::vector<int64_t>;

  TestTensor(DType dtype, const Shape& shape, Layout layout = Layout::contiguous) : view_() {
    view_.dtype = dtype;
    for (int64_t size : shape) view_.shape[view_.rank++] = size;
    const int64_t gap = layout == Layout::spread ? 2 : 1;
    int64_t stride = gap, span = 1;
    for (int step = 0; step < view_.rank; ++step) {
      const int d = layout == Layout::transposed ? step : view_.rank - 1 - step;
      view_.stride[d] = layout == Layout::reversed ? -stride : stride;
      span += (view_.shape[d] > 0 ? view_.shape[d] - 1 : 0) * stride;
      stride = stride * view_.shape[d] + gap - 1;
    }
    for (int d = 0; d < view_.rank; ++d) {
      const bool first = d == 0, last = d == view_.rank - 1;
      if (layout == Layout::scalar || (layout == Layout::rows && first) || (layout == Layout::columns && last)) {
        view_.stride[d] = 0;
      }
    }
    elements_ = span + 2 * kMargin;
    buffer_.assign(static_cast<size_t>(elements_) / 8 + 1, Line::marked());
    const int64_t first_element = layout == Layout::reversed ? kMargin + span - 1 : kMargin;
    view_.data = bytes() + first_element * nabla::dtype_size(dtype);
  }
  TestTensor(const TestTensor&) = delete;
  TestTensor& operator=(const TestTensor&) = delete;

  const TensorView& view() const { return view_; }
  int64_t numel() const { return view_.numel(); }
  DType dtype() const { return view_.dtype; }

  // Where the i-th element in row-major order lies, counted from data.
  int64_t offset(int64_t i) const {
    int64_t result = 0;
    for (int d = view_.rank - 1; d >= 0; --d) {
      result += i % view_.shape[d] * view_.stride[d];
      i /= view_.shape[d];
    }
    return result;
  }
  double at(int64_t i) const { return get(view_.dtype, view_.data, offset(i)); }
  void put(int64_t i, double x) { set(view_.dtype, view_.data, offset(i), x); }

  // Every element of the buffer gets value(place); so do those that the view does not show.
  template <typename Value>
  void fill(Value value) {
    for (int64_t i = 0; i < elements_; ++i) set(view_.dtype, bytes(), i, value(i));
  }
  const std::vector<Line>& buffer() const { return buffer_; }

 private:
  static constexpr int64_t kMargin = 64;
  char* bytes() { return reinterpret_cast<char*>(buffer_.data()); }

  TensorView view_;
  int64_t elements_;
  std::vector<Line> buffer_;  // eight bytes per element, whatever the dtype
};

// On CUDA there is only one kernel set, whatever it is called here.
inline std::vector<Isa> available_isas() {
#if defined(NABLA_ISA_CUDA)
  return {Isa::scalar};
#else
  std::vector<Isa> isas;
  for (int i = 0; i < nabla::kIsaCount; ++i) {
    if (nabla::has_isa(static_cast<Isa>(i))) isas.push_back(static_cast<Isa>(i));
  }
  return isas;
#endif
}

inline nabla::CpuThreadPool& pool(int threads) {
  static nabla::CpuThreadPool pools[] = {{1, false}, {2, false}, {3, false}};
  return pools[threads - 1];
}

inline nabla::Kernel find_kernel([[maybe_unused]] Isa isa, const char* op) {
#if defined(NABLA_ISA_CUDA)
  const nabla::KernelTable& table = nabla::cuda::table();
#else
  const nabla::KernelTable& table = nabla::kernel_table(isa);
#endif
  for (int i = 0; i < nabla::kOpCount; ++i) {
    if (!std::strcmp(nabla::kOps[i].name, op)) return table.kernels[i];
  }
  std::printf("there is no kernel %s\n", op);
  std::abort();
}

inline const char* name_of([[maybe_unused]] Isa isa) {
#if defined(NABLA_ISA_CUDA)
  return "cuda";
#else
  return nabla::isa_name(isa);
#endif
}

struct Target {
  Isa isa;
  int threads;
};

inline void run_kernel(Target target, const char* op, std::initializer_list<const TestTensor*> inputs,
                       std::initializer_list<const TestTensor*> outputs, std::vector<double> attr = {}) {
  std::vector<TensorView> in, out;
  for (const TestTensor* t : inputs) in.push_back(t->view());
  for (const TestTensor* t : outputs) out.push_back(t->view());
  call_kernel(find_kernel(target.isa, op), in, out, attr, pool(target.threads));
}

// Numbers in [-1, 1) that depend on their place only.
inline double number(uint64_t i) {
  i = (i + 1) * 0x9E3779B97F4A7C15u;
  i ^= i >> 29;
  i *= 0xBF58476D1CE4E5B9u;
  return static_cast<double>(i >> 11) * 0x1p-52 - 1.0;
}

// The distance of two float32 or float64 values near x.
inline double ulp(DType dtype, double x) {
  if (x == 0 || !std::isfinite(x)) return dtype == DType::float32 ? 0x1p-149 : 0x1p-1074;
  const int exponent = std::ilogb(x);
  return dtype == DType::float32 ? std::ldexp(1, std::max(exponent - 23, -149))
                                 : std::ldexp(1, std::max(exponent - 52, -1074));
}

}  // namespace nabla_test
