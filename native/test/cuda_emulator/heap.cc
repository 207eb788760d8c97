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

void* Heap::allocate(size_t bytes) {
  const size_t room = (std::max(bytes, size_t{1}) + kAlignment - 1) / kAlignment * kAlignment + kAlignment;
  if (bytes > limit_ || used_ + bytes > limit_) return nullptr;
  char* p;
  const auto cached = free_.find(room);
  if (cached != free_.end()) {
    p = cached->second;
    free_.erase(cached);
  } else {
    if (next_ + room > reserved_) return nullptr;
    p = base_ + next_;
    next_ += room;
  }
  std::memset(p - kAlignment, 0xff, kAlignment);
  poison(p, bytes);
  std::memset(p + bytes, 0xff, room - bytes);
  live_[p] = bytes;
  used_ += bytes;
  shadow::allow(p, bytes, false);
  return p;
}

bool Heap::release(void* pointer) {
  const auto found = live_.find(static_cast<char*>(pointer));
  if (found == live_.end()) return false;
  char* p = static_cast<char*>(pointer);
  const size_t bytes = found->second;
  if (!gap_intact(p, bytes)) check_gaps();
  shadow::forbid(p, bytes);
  live_.erase(found);
  used_ -= bytes;
  poison(p, bytes);
  // Large ones go back to the system.
  if (bytes > kMostPoison) madvise(p, bytes, MADV_DONTNEED);
  free_.emplace((std::max(bytes, size_t{1}) + kAlignment - 1) / kAlignment * kAlignment + kAlignment, p);
  return true;
}

void Heap::clear() {
  while (!live_.empty()) release(const_cast<char*>(live_.begin()->first));
}

bool Heap::holds(const void* pointer, size_t bytes) const {
  const char* p = static_cast<const char*>(pointer);
  auto after = live_.upper_bound(p);
  if (after == live_.begin()) return false;
  --after;
  return p + bytes <= after->first + after->second;
}

bool Heap::gap_intact(const char* p, size_t bytes) const {
  const size_t behind = (bytes + kAlignment - 1) / kAlignment * kAlignment + kAlignment - bytes;
  const auto clean = [](const char* from, size_t n) {
    return std::all_of(from, from + n, [](char c) { return c == '\xff'; });
  };
  return clean(p - kAlignment, kAlignment) && clean(p + bytes, behind);
}

void Heap::check_gaps() const {
  for (const auto& [p, bytes] : live_) {
    if (gap_intact(p, bytes)) continue;
    report("bounds", "a write before or behind an allocation of %zu bytes of the device", bytes);
    // Once is enough.
    char* begin = const_cast<char*>(p);
    std::memset(begin - kAlignment, 0xff, kAlignment);
    std::memset(begin + bytes, 0xff, kAlignment);
  }
}

}  // namespace emulator
