// Scratch memory for kernels under test.
#pragma once
#include <cstdlib>
#include <cstring>
#include <vector>

#include "core/kernel.h"

namespace nabla_test {

class TestWorkspace final : public nabla::Workspace {
 public:
  TestWorkspace() = default;
  TestWorkspace(const TestWorkspace&) = delete;
  TestWorkspace& operator=(const TestWorkspace&) = delete;
  ~TestWorkspace() override { clear(); }
  // Filled with bytes that are NaN as floats, so that reading what was never written shows in the result.
  void* get(size_t bytes) override {
    void* p = std::aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (p) std::memset(p, 0xff, bytes);
    pieces_.push_back(p);
    return p;
  }
  void clear() {
    for (void* p : pieces_) std::free(p);
    pieces_.clear();
  }

 private:
  std::vector<void*> pieces_;
};

}  // namespace nabla_test
