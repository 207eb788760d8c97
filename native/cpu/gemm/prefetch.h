// Asks for a block of a matrix a few cache lines at a time, while other work runs: what is packed next is then in L2.
#pragma once
#include <cstdint>

#include "core/inline.h"
#include "cpu/integers.h"
#include "cpu/isa_namespace.h"

namespace nabla::NABLA_ISA {

class Prefetcher {
 public:
  Prefetcher() = default;
  // The block of [rows x cols] at `data`. With neither stride 1, nothing is fetched.
  template <typename T>
  NABLA_INLINE Prefetcher(const T* data, int64_t row_stride, int64_t col_stride, int64_t rows, int64_t cols) {
    if (col_stride != 1 && row_stride != 1) return;
    const bool by_rows = col_stride == 1;
    constexpr int64_t size = sizeof(T);
    run_ = reinterpret_cast<const char*>(data);
    runs_ = by_rows ? rows : cols;
    stride_ = (by_rows ? row_stride : col_stride) * size;
    last_ = ((by_rows ? cols : rows) - 1) * size;
    const bool alike = stride_ % kLine == 0;
    lines_per_run_ = ((alike ? reinterpret_cast<intptr_t>(data) % kLine : kLine - 1) + last_) / kLine + 1;
  }
  NABLA_INLINE int64_t lines() const { return runs_ * lines_per_run_; }
  NABLA_INLINE bool done() const { return runs_ == 0; }
  NABLA_INLINE void fetch(int64_t lines) {
    // Copies, which stay in registers.
    const char* run = run_;
    int64_t runs = runs_, line = line_;
    const int64_t last = last_, in_run = lines_per_run_;
    for (; lines > 0 && runs > 0; --lines) {
      __builtin_prefetch(run + min_of(line * kLine, last), 0, 2);
      if (++line == in_run) {
        line = 0;
        run += stride_;
        --runs;
      }
    }
    run_ = run, runs_ = runs, line_ = line;
  }

 private:
  static constexpr int64_t kLine = 64;

  const char* run_ = nullptr;  // the contiguous elements that are fetched now
  int64_t runs_ = 0, stride_ = 0;
  int64_t last_ = 0;           // where the last element of a run lies
  int64_t lines_per_run_ = 0;  // the most that a run touches
  int64_t line_ = 0;
};

}  // namespace nabla::NABLA_ISA
