// The device's memory: allocations with gaps between them. Contents start as 0xFF, and are again after being freed.
#pragma once
#include <cstddef>
#include <deque>
#include <map>
#include <utility>

namespace emulator {

class Heap {
 public:
  explicit Heap(size_t limit);
  ~Heap();
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;

  // `offset` bytes behind a multiple of 256. Null when the device's memory does not suffice.
  void* allocate(size_t bytes, size_t offset = 0);
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
  struct Piece {
    char* room;  // the gap before comes first
    size_t room_bytes;
    size_t bytes;  // asked for
  };
  static bool gaps_intact(const char* data, const Piece& piece);

  char* base_;
  size_t reserved_, limit_, used_ = 0, next_ = 0;
  std::map<char*, Piece> live_;
  std::multimap<size_t, char*> free_;  // by the room's size
  std::deque<std::pair<size_t, char*>> waiting_;
};

}  // namespace emulator
