// Asks for a block of a matrix a few cache lines at a time, while other work runs: what is packed next is then in L2.
#pragma once
#include <cstdint>

#include "core/inline.h"
#include "cpu/isa_namespace.h"

namespace nabla::NABLA_ISA {

class Prefetcher {
 public:
  Prefetcher() = default;
  // The block of [rows x cols] at `data`. With neither stride 1, nothing is fetched.
  template <typename T>
  NABLA_INLINE Prefetcher(const T* data, int64_t row_stride, int64_t col_stride, int64_t rows, int64_t cols) {
    constexpr int64_t size = sizeof(T);
    if (col_stride == 1) {
      run_ = reinterpret_cast<const char*>(data), stride_ = row_stride * size, bytes_ = cols * size, runs_ = rows;
    } else if (row_stride == 1) {
      run_ = reinterpret_cast<const char*>(data), stride_ = col_stride * size, bytes_ = rows * size, runs_ = cols;
    }
  }
  NABLA_INLINE int64_t lines() const { return runs_ * lines_of_run(); }
  NABLA_INLINE void fetch(int64_t lines) {
    for (; lines > 0 && runs_ > 0; --lines) {
      __builtin_prefetch(run_ + (at_ < bytes_ ? at_ : bytes_ - 1), 0, 2);
      at_ += kLine;
      if (at_ >= bytes_ + kLine) {
        at_ = 0;
        run_ += stride_;
        --runs_;
      }
    }
  }

 private:
  static constexpr int64_t kLine = 64;
  // Runs start anywhere in a line, so each may touch one line more than its length asks for.
  NABLA_INLINE int64_t lines_of_run() const { return (bytes_ + kLine - 1) / kLine + 1; }

  const char* run_ = nullptr;
  int64_t stride_ = 0, bytes_ = 0, runs_ = 0;
  int64_t at_ = 0;
};

}  // namespace nabla::NABLA_ISA
