// What tests need of the emulator beyond CUDA's API.
#pragma once
#include <cstddef>
#include <cstdint>

namespace emulator {

// cudaMalloc, with the memory `offset` bytes behind a multiple of 256; what lies before it is a gap.
void* allocate(size_t bytes, size_t offset);
// Changes the order in which threads and blocks start.
void change_order();

}  // namespace emulator
