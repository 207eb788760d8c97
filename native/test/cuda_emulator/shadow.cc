#include "shadow.h"

#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "block.h"
#include "code_place.h"
#include "settings.h"
#include "test_api.h"

namespace emulator::shadow {

namespace {

// A stamp names a stretch of work within which nothing orders a block's threads: from one barrier to the next. They
// count up through blocks, launches and copies; 0 is never.
struct Access {
  uint32_t stamp;
  uint32_t thread : 10;
  uint32_t epoch : 12;  // __syncwarps of the warp since the barrier
  uint32_t mask : 4;    // which of the cell's bytes
  uint32_t many : 2;    // of reads: by more threads than the last
  uint32_t bytes : 4;   // of the write: bytes that may be touched; of the read: bytes that have been written
  const void* pc;
};
enum Many : uint32_t { kOne = 0, kOneWarp = 1, kOneBlock = 2, kBlocks = 3 };

// For every four bytes.
struct Cell {
  Access write, read;
};

struct Region {
  const char* begin;
  size_t bytes;
  Cell* cells;
};

struct Work {
  uint32_t first_stamp;
  int stream;
  uint64_t number;
};

std::vector<Region> regions;
std::deque<Work> works;  // that something may not be ordered behind
Clock clock;
uint32_t stamp = 0, block_first = 0, work_first = 1;
uint32_t ordered_below = 1;  // all stamps below are ordered before the current work
std::set<std::tuple<const void*, const void*, int>> reported;
Traffic moved;  // by all kernels

Cell* find(const void* p, size_t* rest) {
  const char* c = static_cast<const char*>(p);
  for (const Region& r : regions) {
    const size_t offset = static_cast<size_t>(c - r.begin);
    if (c < r.begin || offset >= r.bytes) continue;
    *rest = r.bytes - offset;
    return r.cells + offset / 4;
  }
  return nullptr;
}

// Calls body(cell, mask of bytes) for all cells of a range.
template <typename Body>
void each(const void* p, size_t bytes, Body&& body) {
  size_t rest = 0;
  Cell* cell = find(p, &rest);
  if (!cell) return;
  uintptr_t at = reinterpret_cast<uintptr_t>(p);
  const uintptr_t end = at + (bytes < rest ? bytes : rest);
  while (at < end) {
    const uintptr_t next = (at / 4 + 1) * 4 < end ? (at / 4 + 1) * 4 : end;
    const uint32_t from = at % 4, count = static_cast<uint32_t>(next - at);
    body(*cell, ((1u << count) - 1) << from);
    at = next;
    ++cell;
  }
}

bool ordered(uint32_t old) {
  if (old < ordered_below) return true;
  for (auto w = works.rbegin(); w != works.rend(); ++w) {
    if (w->first_stamp <= old) return clock.of(w->stream) >= w->number;
  }
  return true;
}

// Whether an earlier access is unordered with one of `thread` now.
bool unordered(const Access& old, int thread, int epoch) {
  if (old.stamp == 0) return false;
  if (old.stamp == stamp) {
    const int other = static_cast<int>(old.thread);
    return other != thread && !(other / 32 == thread / 32 && static_cast<int>(old.epoch) < epoch);
  }
  if (old.stamp >= block_first) return false;
  if (old.stamp >= work_first) return true;  // another block's
  return !ordered(old.stamp);
}

bool readers_unordered(const Access& read, int thread, int epoch) {
  if (read.stamp >= work_first && read.many == kBlocks) return true;
  if (read.stamp == stamp && read.many == kOneBlock) return true;
  if (read.stamp == stamp && read.many == kOneWarp) {
    return static_cast<int>(read.thread) / 32 != thread / 32 || static_cast<int>(read.epoch) >= epoch;
  }
  return unordered(read, thread, epoch);
}

const char* whose(const Access& old) {
  if (old.stamp >= block_first) return "a thread of the same block";
  return old.stamp >= work_first ? "another block" : "work of another stream";
}

void report_race(const void* p, const char* what, const void* pc, const char* earlier, const Access& old) {
  if (!reported.insert({pc, old.pc, earlier[0]}).second) return;
  const Block* block = current_block();
  report("race", "%s %p (%s memory) by %s\n    at %s\n    and %s by %s (thread %d)\n    at %s", what, p,
         block && block->owns(p) ? "shared" : "global", block ? block->where().c_str() : "a copy",
         code_place(pc).c_str(), earlier, whose(old), static_cast<int>(old.thread), code_place(old.pc).c_str());
}

void set(Access& access, int thread, int epoch, uint32_t mask, const void* pc) {
  access.stamp = stamp;
  access.thread = static_cast<uint32_t>(thread) & 1023;
  access.epoch = static_cast<uint32_t>(epoch) & 4095;
  access.mask = mask;
  access.pc = pc;
}

// Who touches what he must not ends his block.
void out_of_bounds(const void* p, size_t bytes, const char* what, const void* pc) {
  Block* block = current_block();
  report("bounds", "%s of %zu bytes at %p, which is no memory of the kernel's, by %s\n    at %s", what, bytes, p,
         block ? block->where().c_str() : "a copy", code_place(pc).c_str());
  if (block) block->abandon();
}

// Kernels only: host code cannot reach the device's memory.
Block* kernel_of(const void* p, const void* pc) {
  Block* block = current_block();
  if (!block && reported.insert({pc, nullptr, 'h'}).second) {
    report("host", "host code touches the device's memory at %p\n    at %s", p, code_place(pc).c_str());
  }
  return block;
}

void note_read(Cell& cell, uint32_t mask, int thread, int epoch, const void* pc) {
  Access& read = cell.read;
  uint32_t many = kOne;
  const bool same_bytes = (read.mask & mask) != 0;
  if (same_bytes && read.stamp >= work_first && (read.many == kBlocks || read.stamp < block_first)) {
    many = kBlocks;
  } else if (same_bytes && read.stamp == stamp) {
    const int other = static_cast<int>(read.thread);
    if (read.many == kOneBlock || other / 32 != thread / 32) {
      many = kOneBlock;
    } else if (static_cast<int>(read.epoch) == epoch) {
      many = read.many == kOneWarp || other != thread ? kOneWarp : kOne;
    }
  }
  set(read, thread, epoch, mask, pc);
  read.many = many;
}

}  // namespace

void add_region(const void* begin, size_t bytes) {
  void* cells = mmap(nullptr, bytes / 4 * sizeof(Cell), PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (cells == MAP_FAILED) {
    std::perror("emulator: no address space for the shadow memory");
    std::abort();
  }
  regions.push_back({static_cast<const char*>(begin), bytes, static_cast<Cell*>(cells)});
}

void remove_region(const void* begin) {
  for (size_t i = 0; i < regions.size(); ++i) {
    if (regions[i].begin != begin) continue;
    munmap(regions[i].cells, regions[i].bytes / 4 * sizeof(Cell));
    regions.erase(regions.begin() + static_cast<ptrdiff_t>(i));
    return;
  }
}

void allow(const void* p, size_t bytes) {
  each(p, bytes, [](Cell& cell, uint32_t mask) {
    cell = {};
    cell.write.bytes = mask;
  });
}
void forbid(const void* p, size_t bytes) {
  each(p, bytes, [](Cell& cell, uint32_t) { cell = {}; });
}

// --- order -------------------------------------------------------------------------------------------------

void begin_work(const Clock& now) {
  clock = now;
  block_first = work_first = ++stamp;
  // Enough to find what is not ordered; what is older is taken as ordered.
  if (works.size() > 1000) works.pop_front();
  ordered_below = work_first;
  for (const Work& w : works) {
    if (clock.of(w.stream) >= w.number) continue;
    ordered_below = w.first_stamp;
    break;
  }
  works.push_back({stamp, now.stream(), now.number()});
}
void all_done() { works.clear(); }
void begin_block(Block&) { block_first = ++stamp; }
void begin_interval() { ++stamp; }

// --- accesses ----------------------------------------------------------------------------------------------

void read(const void* p, size_t bytes, const void* pc) {
  size_t rest;
  if (!find(p, &rest)) return;
  const Block* block = kernel_of(p, pc);
  if (!block) return;
  if (!block->owns(p)) moved.loaded += static_cast<int64_t>(bytes);
  const int thread = block->thread(), epoch = block->warp_epoch();
  each(p, bytes, [&](Cell& cell, uint32_t mask) {
    if (mask & ~cell.write.bytes) out_of_bounds(p, bytes, "a read", pc);
    if (mask & ~cell.read.bytes) {
      if (reported.insert({pc, nullptr, 'u'}).second) {
        report("uninitialised",
               "a read of %zu bytes at %p (%s memory), which nobody has written or a cp.async is on "
               "its way to, by %s\n    at %s",
               bytes, p, block->owns(p) ? "shared" : "global", block->where().c_str(), code_place(pc).c_str());
      }
      cell.read.bytes |= mask;  // once is enough
    }
    if ((cell.write.mask & mask) && unordered(cell.write, thread, epoch)) {
      report_race(p, "a read of", pc, "a write", cell.write);
    }
    note_read(cell, mask, thread, epoch, pc);
  });
}

void write(const void* p, size_t bytes, const void* pc) {
  size_t rest;
  if (!find(p, &rest)) return;
  const Block* block = kernel_of(p, pc);
  if (!block) return;
  if (!block->owns(p)) moved.stored += static_cast<int64_t>(bytes);
  const int thread = block->thread(), epoch = block->warp_epoch();
  each(p, bytes, [&](Cell& cell, uint32_t mask) {
    if (mask & ~cell.write.bytes) out_of_bounds(p, bytes, "a write", pc);
    if ((cell.write.mask & mask) && unordered(cell.write, thread, epoch)) {
      report_race(p, "a write of", pc, "a write", cell.write);
    }
    if ((cell.read.mask & mask) && readers_unordered(cell.read, thread, epoch)) {
      report_race(p, "a write of", pc, "a read", cell.read);
    }
    set(cell.write, thread, epoch, mask, pc);
    cell.read.bytes |= mask;
  });
}

// Atomics are ordered among themselves, and meant to race.
void atomic(const void* p, size_t bytes, const void* pc) {
  each(p, bytes, [&](Cell& cell, uint32_t mask) {
    if (mask & ~cell.write.bytes) out_of_bounds(p, bytes, "an atomic operation", pc);
  });
}

void departs(const void* to, size_t bytes, const void* from, size_t source_bytes, const void* pc) {
  read(from, source_bytes, pc);
  write(to, bytes, pc);
  each(to, bytes, [](Cell& cell, uint32_t mask) { cell.read.bytes &= ~mask; });
}
void arrived(const void* to, size_t bytes, const void* pc) { write(to, bytes, pc); }

void copied_to(const void* p, size_t bytes) {
  each(p, bytes, [&](Cell& cell, uint32_t mask) {
    if ((cell.write.mask & mask) && unordered(cell.write, 0, 0))
      report_race(p, "a copy to", nullptr, "a write", cell.write);
    if ((cell.read.mask & mask) && readers_unordered(cell.read, 0, 0)) {
      report_race(p, "a copy to", nullptr, "a read", cell.read);
    }
    set(cell.write, 0, 0, mask, nullptr);
    cell.read.bytes |= mask;
  });
}
void copied_from(const void* p, size_t bytes) {
  each(p, bytes, [&](Cell& cell, uint32_t mask) {
    if ((cell.write.mask & mask) && unordered(cell.write, 0, 0)) {
      report_race(p, "a copy from", nullptr, "a write", cell.write);
    }
    note_read(cell, mask, 0, 0, nullptr);
  });
}

}  // namespace emulator::shadow

namespace emulator {
Traffic traffic() { return shadow::moved; }
}  // namespace emulator
