// What tests need of the emulator beyond CUDA's API.
#pragma once
#include <cstddef>
#include <cstdint>

namespace emulator {

// cudaMalloc, with the memory `offset` bytes behind a multiple of 256; what lies before it is a gap.
void* allocate(size_t bytes, size_t offset);
// With NABLA_EMULATOR_SITES: adds to that file the barriers and waits that were called since the last time, each as a
// line of `test`, `milliseconds`, file:line.
void note_sites(const char* test, double milliseconds);
// Changes the order in which threads and blocks start.
void change_order();

// Bytes of global memory that kernels have loaded and stored, each access counted as often as it happens: what a device
// without caches would move. Checked build only.
struct Traffic {
  int64_t loaded = 0, stored = 0;
};
Traffic traffic();

}  // namespace emulator
