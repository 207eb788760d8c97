// Calls a kernel of CUDA on views of host memory: the views' elements are copied to memory of the device that ends
// where they end, and back when all has run.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/checks.h"
#include "core/kernel.h"
#include "cuda/cuda_device.h"
#include "cuda/error.h"
#include "cuda_emulator/test_api.h"

namespace nabla::cuda {
const KernelTable& table();
}

namespace nabla_test {

// Tests that allow it ask for tf32.
inline bool& allow_tf32() {
  static bool allowed = false;
  return allowed;
}

inline nabla::CudaDevice& cuda_device() {
  static nabla::CudaDevice exact(0, false), tf32(0, true);
  return allow_tf32() ? tf32 : exact;
}

// Memory of the device, in pieces of just the sizes asked for.
class DevicePieces final : public nabla::Workspace {
 public:
  DevicePieces() = default;
  DevicePieces(const DevicePieces&) = delete;
  DevicePieces& operator=(const DevicePieces&) = delete;
  ~DevicePieces() override {
    for (void* p : pieces_) cudaFree(p);
  }
  void* get(size_t bytes) override { return get(bytes, 0); }
  // `offset` bytes behind a multiple of 256.
  char* get(size_t bytes, size_t offset) {
    void* p = emulator::allocate(bytes, offset);
    if (!p) nabla::kernel_error(nabla::ErrorKind::out_of_memory, "no memory of the device for %zu bytes", bytes);
    pieces_.push_back(p);
    return static_cast<char*>(p);
  }

 private:
  std::vector<void*> pieces_;
};

// Where views lie on the host and on the device. Views that share elements share them on the device too.
class DeviceCopies {
 public:
  DeviceCopies(const std::vector<nabla::TensorView>& in, const std::vector<nabla::TensorView>& out) {
    for (const nabla::TensorView& view : in) add(view, true);
    for (const nabla::TensorView& view : out) add(view, false);
    std::sort(ranges_.begin(), ranges_.end(), [](const Range& a, const Range& b) { return a.begin < b.begin; });
    std::vector<Range> merged;
    for (const Range& r : ranges_) {
      if (!merged.empty() && r.begin < merged.back().end) {
        merged.back().end = std::max(merged.back().end, r.end);
        merged.back().input = merged.back().input || r.input;
      } else {
        merged.push_back(r);
      }
    }
    ranges_ = merged;
    for (Range& r : ranges_) {
      // As far from a multiple of 16 as on the host.
      r.device = pieces_.get(bytes(r), reinterpret_cast<uintptr_t>(r.begin) % 16);
      if (r.input) nabla::cuda::check(cudaMemcpy(r.device, r.begin, bytes(r), cudaMemcpyHostToDevice));
    }
  }
  nabla::TensorView on_device(nabla::TensorView view) const {
    char *begin, *end;
    extent(view, &begin, &end);
    for (const Range& r : ranges_) {
      const bool inside = begin == end ? r.begin == begin : r.begin <= begin && end <= r.end;
      if (!inside) continue;
      view.data = r.device + (static_cast<char*>(view.data) - r.begin);
      return view;
    }
    nabla::kernel_error(nabla::ErrorKind::native, "a view was not copied");
  }
  void copy_back() {
    for (const Range& r : ranges_) {
      nabla::cuda::check(cudaMemcpy(r.begin, r.device, bytes(r), cudaMemcpyDeviceToHost));
    }
  }

 private:
  struct Range {
    char *begin, *end;
    bool input;
    char* device;
  };
  static size_t bytes(const Range& r) { return static_cast<size_t>(r.end - r.begin); }
  static void extent(const nabla::TensorView& view, char** begin, char** end) {
    const int64_t size = nabla::dtype_size(view.dtype);
    int64_t first = 0, last = 0;
    for (int d = 0; d < view.rank; ++d) {
      const int64_t way = (view.shape[d] - 1) * view.stride[d];
      (way < 0 ? first : last) += way;
    }
    char* data = static_cast<char*>(view.data);
    *begin = view.numel() == 0 ? data : data + first * size;
    *end = view.numel() == 0 ? data : data + (last + 1) * size;
  }
  void add(const nabla::TensorView& view, bool input) {
    Range r{nullptr, nullptr, input, nullptr};
    extent(view, &r.begin, &r.end);
    ranges_.push_back(r);
  }
  std::vector<Range> ranges_;
  DevicePieces pieces_;
};

inline void call_kernel(nabla::Kernel kernel, const std::vector<nabla::TensorView>& in,
                        const std::vector<nabla::TensorView>& out, const std::vector<double>& attr,
                        nabla::ThreadPool& pool) {
  nabla::CudaDevice& device = cuda_device();
  DeviceCopies copies(in, out);
  DevicePieces workspace;
  std::vector<nabla::TensorView> inputs, outputs;
  for (const nabla::TensorView& view : in) inputs.push_back(copies.on_device(view));
  for (const nabla::TensorView& view : out) outputs.push_back(copies.on_device(view));
  nabla::Device& base = device;
  nabla::KernelArgs args{
      inputs.data(), static_cast<int>(inputs.size()), outputs.data(), static_cast<int>(outputs.size()),
      attr.data(),   static_cast<int>(attr.size()),   pool,           workspace,
      base.queue()};
  kernel(args);
  for (const nabla::Device::Fault& fault : device.wait()) {
    if (!fault.message.empty()) throw nabla::KernelError{fault.kind, fault.message};
  }
  copies.copy_back();
  emulator::change_order();
}

}  // namespace nabla_test
