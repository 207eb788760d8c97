// Asks for blocks of memory while other work runs: what is packed, copied or written next is then in L2.
#pragma once
#include <cstdint>

#include "core/inline.h"
#include "cpu/integers.h"
#include "cpu/isa_namespace.h"

namespace nabla::NABLA_ISA {

class Prefetcher {
 public:
  static constexpr int64_t kLine = 64;

  Prefetcher() = default;
  // The block of [rows x cols] at `data`. With neither stride 1, nothing is fetched.
  template <typename T>
  NABLA_INLINE Prefetcher(const T* data, int64_t row_stride, int64_t col_stride, int64_t rows, int64_t cols) {
    if (col_stride != 1 && row_stride != 1) return;
    const bool by_rows = col_stride == 1;
    constexpr int64_t size = sizeof(T);
    next_ = reinterpret_cast<const char*>(data);
    runs_ = by_rows ? rows : cols;
    const int64_t stride = (by_rows ? row_stride : col_stride) * size, bytes = (by_rows ? cols : rows) * size;
    // Where runs begin anywhere in a line, the most that one touches.
    const int64_t before = stride % kLine == 0 ? reinterpret_cast<intptr_t>(data) % kLine : kLine - 1;
    lines_per_run_ = (before + bytes - 1) / kLine + 1;
    left_ = lines_per_run_;
    gap_ = stride - lines_per_run_ * kLine;
  }
  NABLA_INLINE int64_t lines() const { return runs_ * lines_per_run_; }
  NABLA_INLINE bool done() const { return runs_ == 0; }
  // One of so many parts of the block.
  NABLA_INLINE Prefetcher part(int64_t number, int64_t parts) const {
    const int64_t begin = runs_ * number / parts;
    Prefetcher part = *this;
    part.next_ += begin * (lines_per_run_ * kLine + gap_);
    part.runs_ = runs_ * (number + 1) / parts - begin;
    return part;
  }
  // The next lines of one run, at most so many: where they are, and how many.
  NABLA_INLINE int64_t take(int64_t lines, const char*& first) {
    first = next_;
    const int64_t taken = min_of(lines, left_);
    next_ += taken * kLine;
    left_ -= taken;
    if (left_ == 0) {
      next_ += gap_;
      left_ = lines_per_run_;
      --runs_;
    }
    return taken;
  }

 private:
  const char* next_ = nullptr;
  int64_t runs_ = 0;           // of contiguous elements that are not fetched yet
  int64_t lines_per_run_ = 0;  // the most that a run touches
  int64_t left_ = 0;           // of the run at `next_`
  int64_t gap_ = 0;            // from the end of a run's lines to the next run
};

// Blocks that are read or written soon. The micro-kernel asks for them in passing, a line with a step of K: a CPU waits
// when it is asked for more at once than it can keep track of.
class Ahead {
 public:
  static constexpr int64_t kSteps = 16;  // of K, in which lines of one run are asked for

  NABLA_INLINE void add(const Prefetcher& block) {
    if (block.done()) return;
    lines_ += block.lines();
    blocks_[count_++] = block;
  }
  NABLA_INLINE void clear() { count_ = next_ = 0, lines_ = 0; }
  // All steps of K until the blocks are needed.
  NABLA_INLINE void share_among(int64_t steps) { lines_ = min_of(ceil_div(lines_ * kSteps, max_of(steps, 1)), kSteps); }
  // The lines to ask for in the next kSteps steps, one after another, and how many there are.
  NABLA_INLINE int64_t take(const char*& first) {
    if (next_ == count_) return 0;
    const int64_t lines = blocks_[next_].take(lines_, first);
    if (blocks_[next_].done()) ++next_;
    return lines;
  }

 private:
  static constexpr int kMost = 8;
  Prefetcher blocks_[kMost];
  int count_ = 0, next_ = 0;
  int64_t lines_ = 0;  // of all blocks, then of kSteps steps
};

}  // namespace nabla::NABLA_ISA
