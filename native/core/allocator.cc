#include "core/allocator.h"

#include <algorithm>

#include "core/checks.h"

namespace nabla {
namespace {

constexpr size_t kSmallest = 64;
// Up to here blocks are cut from slabs: one request to the system for many.
constexpr size_t kLargestSmall = 2048;
constexpr size_t kSlab = size_t{64} << 10;
// From here on a block may stand in for one up to half as large.
constexpr size_t kLarge = size_t{2} << 20;

// Under AddressSanitizer every block is one of the system's and of just the size that was asked for, so that it sees
// each access beyond a tensor or after its release.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool kCaching = false;
#else
constexpr bool kCaching = true;
#endif

// Four classes for each power of two: at most a fifth of a block is wasted.
size_t class_of(size_t bytes) {
  if (bytes <= kSmallest) return 0;
  const int log2 = 63 - __builtin_clzll(bytes - 1);  // bytes is in (2^log2, 2^(log2+1)]
  const size_t quarter = size_t{1} << (log2 - 2);
  const size_t step = (bytes - 1 - (size_t{1} << log2)) / quarter;  // 0..3
  return static_cast<size_t>(log2 - 6) * 4 + step + 1;
}

size_t class_size(size_t size_class) {
  if (size_class == 0) return kSmallest;
  const size_t power = kSmallest << ((size_class - 1) / 4);
  return power + power / 4 * ((size_class - 1) % 4 + 1);
}

}  // namespace

MemorySource::~MemorySource() = default;

Allocator::Allocator(MemorySource& source, size_t limit)
    : source_(source), cache_(class_of(size_t{1} << 46) + 1), limit_(limit ? limit : source.default_limit()) {}

Allocator::~Allocator() {
  trim();
  for (void* slab : slabs_) source_.give_back(slab);
}

Block Allocator::allocate(size_t bytes) {
  const size_t size_class = bytes > (size_t{1} << 46) ? cache_.size() : class_of(bytes);
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!kCaching) {
    void* const data = bytes <= limit_ - allocated_ ? source_.take(bytes) : nullptr;
    if (data) {
      allocated_ += bytes;
      peak_ = std::max(peak_, allocated_);
      return {data, bytes};
    }
  } else if (size_class < cache_.size()) {
    Block block = take_cached(size_class);
    if (block.data) return block;
    const size_t size = class_size(size_class);
    const size_t taken = size <= kLargestSmall ? kSlab : size;
    if (allocated_ + cached_ + taken > limit_) trim();
    if (allocated_ + cached_ + taken <= limit_) {
      block = size <= kLargestSmall ? cut_slab(size_class) : from_system(size);
      if (block.data) return block;
    }
  }
  kernel_error(ErrorKind::out_of_memory, "out of memory: %zu bytes were asked for, %zu of %zu are in use", bytes,
               allocated_, limit_);
}

// A block of this class, or for large ones of the next two, which hold at most half as much again.
Block Allocator::take_cached(size_t size_class) {
  const size_t last = class_size(size_class) >= kLarge ? std::min(size_class + 2, cache_.size() - 1) : size_class;
  for (size_t c = size_class; c <= last; ++c) {
    if (cache_[c].empty()) continue;
    const Block block = cache_[c].back();
    cache_[c].pop_back();
    cached_ -= block.capacity;
    allocated_ += block.capacity;
    return block;
  }
  return {};
}

Block Allocator::from_system(size_t size) {
  void* const data = source_.take(size);
  if (!data) return {};
  allocated_ += size;
  peak_ = std::max(peak_, allocated_ + cached_);
  return {data, size};
}

// Cuts a new slab into blocks of the class, all but the first of them cached.
Block Allocator::cut_slab(size_t size_class) {
  char* const slab = static_cast<char*>(source_.take(kSlab));
  if (!slab) return {};
  slabs_.push_back(slab);
  const size_t size = class_size(size_class), step = (size + kSmallest - 1) / kSmallest * kSmallest;
  for (size_t at = kSlab / step * step; at > 0; at -= step) cache_[size_class].push_back({slab + at - step, size});
  cached_ += kSlab / step * size;
  peak_ = std::max(peak_, allocated_ + cached_);
  return take_cached(size_class);
}

void Allocator::release(Block block) {
  if (!block.data) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  allocated_ -= block.capacity;
  if (!kCaching) return source_.give_back(block.data);
  cached_ += block.capacity;
  cache_[class_of(block.capacity)].push_back(block);
}

void Allocator::trim() {
  for (auto& blocks : cache_) {
    if (blocks.empty() || blocks.front().capacity <= kLargestSmall) continue;
    for (const Block& block : blocks) {
      source_.give_back(block.data);
      cached_ -= block.capacity;
    }
    blocks.clear();
  }
}

Allocator::Stats Allocator::stats() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return {allocated_, cached_, peak_, limit_};
}

}  // namespace nabla
