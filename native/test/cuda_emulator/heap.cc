#include "heap.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "settings.h"
#include "shadow.h"

namespace emulator {

namespace {

// Enough to show that somebody reads what he should not, without committing gigabytes.
constexpr size_t kMostPoison = size_t{64} << 20;
constexpr size_t kMostWaiting = size_t{1} << 20;
void poison(char* p, size_t bytes) { std::memset(p, 0xff, std::min(bytes, kMostPoison)); }

}  // namespace

Heap::Heap(size_t limit) : reserved_(4 * limit + (size_t{1} << 30)), limit_(limit) {
  void* p = mmap(nullptr, reserved_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) {
    std::perror("emulator: no address space for the device's memory");
    std::abort();
  }
  base_ = static_cast<char*>(p);
  shadow::add_region(base_, reserved_);
}

Heap::~Heap() {
  shadow::remove_region(base_);
  munmap(base_, reserved_);
}

void* Heap::allocate(size_t bytes, size_t offset) {
  if (bytes > limit_ || used_ + bytes > limit_) return nullptr;
  const size_t room_bytes = (2 * kAlignment + offset + bytes + kAlignment - 1) / kAlignment * kAlignment;
  char* room;
  const auto cached = free_.find(room_bytes);
  if (cached != free_.end()) {
    room = cached->second;
    free_.erase(cached);
  } else {
    if (next_ + room_bytes > reserved_) return nullptr;
    room = base_ + next_;
    next_ += room_bytes;
  }
  char* data = room + kAlignment + offset;
  std::memset(room, 0xff, kAlignment + offset);
  poison(data, bytes);
  std::memset(data + bytes, 0xff, static_cast<size_t>(room + room_bytes - data - bytes));
  live_[data] = {room, room_bytes, bytes};
  used_ += bytes;
  shadow::allow(data, bytes);
  return data;
}

bool Heap::release(void* pointer) {
  const auto found = live_.find(static_cast<char*>(pointer));
  if (found == live_.end()) return false;
  char* data = found->first;
  const Piece piece = found->second;
  if (!gaps_intact(data, piece)) check_gaps();
  shadow::forbid(data, piece.bytes);
  live_.erase(found);
  used_ -= piece.bytes;
  poison(data, piece.bytes);
  // Large ones go back to the system.
  if (piece.bytes > kMostPoison) madvise(piece.room + kAlignment, piece.bytes, MADV_DONTNEED);
  // Small ones wait for a while before they are used again, so that who still reads or writes them is seen.
  if (piece.bytes > kMostWaiting) {
    free_.emplace(piece.room_bytes, piece.room);
  } else {
    waiting_.emplace_back(piece.room_bytes, piece.room);
    if (waiting_.size() > 64) {
      free_.insert(waiting_.front());
      waiting_.pop_front();
    }
  }
  return true;
}

void Heap::clear() {
  while (!live_.empty()) release(live_.begin()->first);
}

bool Heap::holds(const void* pointer, size_t bytes) const {
  char* p = static_cast<char*>(const_cast<void*>(pointer));
  auto after = live_.upper_bound(p);
  if (after == live_.begin()) return false;
  --after;
  return p + bytes <= after->first + after->second.bytes;
}

bool Heap::gaps_intact(const char* data, const Piece& piece) {
  const auto clean = [](const char* from, const char* to) {
    return std::all_of(from, to, [](char c) { return c == '\xff'; });
  };
  return clean(piece.room, data) && clean(data + piece.bytes, piece.room + piece.room_bytes);
}

void Heap::check_gaps() const {
  for (const auto& [data, piece] : live_) {
    if (gaps_intact(data, piece)) continue;
    report("bounds", "a write before or behind an allocation of %zu bytes of the device", piece.bytes);
    // Once is enough.
    std::memset(piece.room, 0xff, static_cast<size_t>(data - piece.room));
    std::memset(data + piece.bytes, 0xff, static_cast<size_t>(piece.room + piece.room_bytes - data) - piece.bytes);
  }
}

}  // namespace emulator
