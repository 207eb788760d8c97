// A caching allocator for tensors and scratch memory. Blocks are kept by size class when released, so a
// training loop asks the system for memory in its first steps only. Releasing is stream-ordered because the
// executor runs commands in order: when it reaches a release, nothing before it uses the block any more.
#pragma once
#include <cstddef>
#include <mutex>
#include <vector>

namespace nabla {

struct Block {
  void* data = nullptr;
  size_t capacity = 0;
};

// The system that an allocator has its memory from.
class MemorySource {
 public:
  virtual ~MemorySource();
  // Aligned to 64 bytes; null when there is no more.
  virtual void* take(size_t bytes) = 0;
  virtual void give_back(void* data) = 0;
  // What an allocator may take when nobody says how much.
  virtual size_t default_limit() = 0;
};

class Allocator {
 public:
  // limit: bytes in use and cached together; 0 takes the source's default.
  Allocator(MemorySource& source, size_t limit);
  ~Allocator();
  Allocator(const Allocator&) = delete;
  Allocator& operator=(const Allocator&) = delete;

  // 64-byte aligned, not cleared. Throws KernelError{out_of_memory}. Any thread.
  Block allocate(size_t bytes);
  void release(Block block);

  struct Stats {
    size_t allocated, cached, peak, limit;
  };
  Stats stats();

 private:
  Block take_cached(size_t size_class);
  Block from_system(size_t size);
  Block cut_slab(size_t size_class);
  void trim();

  MemorySource& source_;
  std::mutex mutex_;
  std::vector<std::vector<Block>> cache_;
  std::vector<void*> slabs_;  // what small blocks are cut from; kept to the end
  size_t limit_;
  size_t allocated_ = 0, cached_ = 0, peak_ = 0;
};

}  // namespace nabla
