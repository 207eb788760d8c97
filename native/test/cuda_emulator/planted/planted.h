// Wrong kernels that the checked emulator must report, and right ones that it must not. main.cc runs them.
#pragma once
#include <vector>

#include "cuda/fold.h"
#include "cuda/launch.h"
#include "cuda/mma.h"

namespace planted {

using nabla::cuda::check;
using nabla::cuda::launch;

struct Program {
  const char* name;
  const char* kind;  // of the report; "" for a right one
  void (*run)();
};
std::vector<Program>& programs();
struct Register {
  Register(const char* name, const char* kind, void (*run)()) { programs().push_back({name, kind, run}); }
};

// BUG(name, "kind") { ... }: must be reported as that.
#define BUG(name, kind) \
  static void name(); \
  static const ::planted::Register register_##name(#name, kind, name); \
  static void name()
// GOOD(name) { ... }: must run without a report; says itself whether its results are right.
#define GOOD(name) BUG(name, "")

// Ends a right program whose results are wrong.
void expect(bool right);

// An array of the device, copied from the host.
template <typename T>
class DeviceArray {
 public:
  explicit DeviceArray(const std::vector<T>& values) : size_(values.size()) {
    check(cudaMalloc(&data_, size_ * sizeof(T)));
    check(cudaMemcpy(data_, values.data(), size_ * sizeof(T), cudaMemcpyHostToDevice));
  }
  ~DeviceArray() { cudaFree(data_); }
  T* data() { return data_; }
  std::vector<T> values() {
    std::vector<T> v(size_);
    check(cudaMemcpy(v.data(), data_, size_ * sizeof(T), cudaMemcpyDeviceToHost));
    return v;
  }

 private:
  T* data_ = nullptr;
  size_t size_;
};

inline std::vector<float> numbers(int n) {
  std::vector<float> v;
  for (int i = 0; i < n; ++i) v.push_back(static_cast<float>(i % 17 + 1));
  return v;
}

inline void finish() { check(cudaDeviceSynchronize()); }

}  // namespace planted
