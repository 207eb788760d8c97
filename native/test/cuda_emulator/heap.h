// The device's memory: allocations with gaps between them. Contents start as 0xFF, and are again after being freed.
#pragma once
#include <cstddef>
#include <map>

namespace emulator {

class Heap {
 public:
  explicit Heap(size_t limit);
  ~Heap();
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;

  // Null when the device's memory does not suffice.
  void* allocate(size_t bytes);
  // False for what is no allocation.
  bool release(void* p);
  void clear();
  // Whether the address lies in the device's memory at all.
  bool owns(const void* p) const { return p >= base_ && p < base_ + reserved_; }
  // Whether all bytes lie in one allocation.
  bool holds(const void* p, size_t bytes) const;
  // Reports writes to the gaps.
  void check_gaps() const;
  size_t used() const { return used_; }
  size_t limit() const { return limit_; }
  size_t allocations() const { return live_.size(); }

 private:
  static constexpr size_t kAlignment = 256;
  bool gap_intact(const char* data, size_t bytes) const;

  char* base_;
  size_t reserved_, limit_, used_ = 0, next_ = kAlignment;
  std::map<const char*, size_t> live_;  // bytes asked for
  std::multimap<size_t, char*> free_;   // by room
};

}  // namespace emulator
