// Arrays of any dtype and calls of any kernel of ops.def, for tests.
#pragma once
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "call_kernel.h"
#include "core/checks.h"
#include "core/kernel.h"
#include "cpu/isa_namespace.h"
#include "cpu/thread_pool.h"
#include "test_main.h"

namespace nabla::NABLA_ISA {
#define NABLA_OP(name, ...) void name(KernelArgs& args);
#include "core/ops.def"
#undef NABLA_OP
}  // namespace nabla::NABLA_ISA

namespace nabla_test {

namespace isa = nabla::NABLA_ISA;
using nabla::DType;
using Shape = std::vector<int64_t>;

inline int64_t product(const Shape& shape) {
  int64_t n = 1;
  for (int64_t size : shape) n *= size;
  return n;
}

// Numbers in [0, 1) that depend on seed and place only.
inline double fraction(uint64_t seed, uint64_t i) {
  uint64_t x = (seed * 1000003 + i + 1) * 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 29)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 32)) * 0x94D049BB133111EBu;
  return static_cast<double>(x >> 11) * 0x1p-53;
}

// A contiguous tensor between guards of bytes that are NaN as floats: reading beyond it shows in the results, writing
// beyond it in intact().
class Array {
 public:
  Array(DType dtype, const Shape& shape) : dtype_(dtype), shape_(shape) {
    bytes_.assign(static_cast<size_t>(size() * nabla::dtype_size(dtype)) + 2 * kGuard, 0xff);
  }
  // Elements f(i).
  template <typename F>
  Array(DType dtype, const Shape& shape, F&& f) : Array(dtype, shape) {
    for (int64_t i = 0; i < size(); ++i) set(i, static_cast<double>(f(i)));
  }
  int64_t size() const { return product(shape_); }
  const Shape& shape() const { return shape_; }
  DType dtype() const { return dtype_; }

  double operator[](int64_t i) const {
    switch (dtype_) {
      case DType::float32: return read<float>(i);
      case DType::float64: return read<double>(i);
      case DType::int32: return read<int32_t>(i);
      // The bits, which kernels move as they are.
      case DType::bfloat16:
      case DType::float16: return read<uint16_t>(i);
      default: return read<uint8_t>(i);
    }
  }
  void set(int64_t i, double value) {
    switch (dtype_) {
      case DType::float32: return write(i, static_cast<float>(value));
      case DType::float64: return write(i, value);
      case DType::int32: return write(i, static_cast<int32_t>(value));
      case DType::bfloat16:
      case DType::float16: return write(i, static_cast<uint16_t>(value));
      default: return write(i, static_cast<uint8_t>(value));
    }
  }
  nabla::TensorView view() {
    nabla::TensorView v{bytes_.data() + kGuard, dtype_, static_cast<int32_t>(shape_.size()), {}, {}};
    int64_t stride = 1;
    for (int i = v.rank - 1; i >= 0; --i) {
      v.shape[i] = shape_[static_cast<size_t>(i)];
      v.stride[i] = stride;
      stride *= v.shape[i];
    }
    return v;
  }
  bool intact() const {
    for (size_t i = 0; i < kGuard; ++i) {
      if (bytes_[i] != 0xff || bytes_[bytes_.size() - 1 - i] != 0xff) return false;
    }
    return true;
  }
  bool same_bits(const Array& other) const { return bytes_ == other.bytes_; }

 private:
  static constexpr size_t kGuard = 192;
  template <typename T>
  double read(int64_t i) const {
    T value;
    std::memcpy(&value, bytes_.data() + kGuard + static_cast<size_t>(i) * sizeof(T), sizeof(T));
    return static_cast<double>(value);
  }
  template <typename T>
  void write(int64_t i, T value) {
    std::memcpy(bytes_.data() + kGuard + static_cast<size_t>(i) * sizeof(T), &value, sizeof(T));
  }
  DType dtype_;
  Shape shape_;
  std::vector<uint8_t> bytes_;
};

// Numbers in [-1, 1).
inline Array random_array(DType dtype, const Shape& shape, uint64_t seed) {
  return Array(dtype, shape, [&](int64_t i) { return 2 * fraction(seed, static_cast<uint64_t>(i)) - 1; });
}

// Runs a kernel with 1, 2 and 3 threads; `written` are its outputs, or the inputs that it changes. Checks that their
// bits do not depend on the number of threads and that nothing was written beyond them. On the emulator of CUDA it is
// the order of threads and blocks that changes.
inline void run_op(nabla::Kernel kernel, const std::vector<nabla::TensorView>& in, const std::vector<Array*>& out,
                   const std::vector<double>& attr, const std::vector<Array*>& inout = {}) {
#if defined(NABLA_EMULATOR_CHECKED)
  static nabla::CpuThreadPool pools[] = {{1, false}};
#elif defined(NABLA_ISA_CUDA)
  static nabla::CpuThreadPool pools[] = {{1, false}, {1, false}};
#else
  static nabla::CpuThreadPool pools[] = {{1, false}, {2, false}, {3, false}};
#endif
  std::vector<Array*> written = out;
  written.insert(written.end(), inout.begin(), inout.end());
  std::vector<Array> before, first;
  for (Array* a : written) before.push_back(*a);
  for (nabla::CpuThreadPool& pool : pools) {
    std::vector<nabla::TensorView> outputs;
    for (size_t i = 0; i < written.size(); ++i) {
      // Restored in place: views of it keep their address.
      std::memcpy(written[i]->view().data, before[i].view().data,
                  static_cast<size_t>(before[i].size() * nabla::dtype_size(before[i].dtype())));
      if (i < out.size()) outputs.push_back(written[i]->view());
    }
    call_kernel(kernel, in, outputs, attr, pool);
    for (size_t i = 0; i < written.size(); ++i) {
      CHECK(written[i]->intact());
      if (first.size() == written.size()) CHECK(written[i]->same_bits(first[i]));
    }
    if (first.empty()) {
      for (Array* a : written) first.push_back(*a);
    }
  }
}

// The error that a kernel raises, "" if none.
inline std::string error_of(nabla::Kernel kernel, const std::vector<nabla::TensorView>& in,
                            const std::vector<Array*>& out, const std::vector<double>& attr, nabla::ErrorKind kind) {
  try {
    run_op(kernel, in, out, attr);
  } catch (const nabla::KernelError& error) {
    CHECK(error.kind == kind);
    return error.message;
  }
  return "";
}

}  // namespace nabla_test
