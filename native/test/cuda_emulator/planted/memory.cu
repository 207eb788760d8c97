// Addresses: outside, misaligned, of memory that nobody has written; blocks in each other's way.
#include "planted.h"

namespace planted {
namespace {

__global__ void scale(float* x, int n) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < n) x[i] *= 2;
}
BUG(off_by_one_in_global_memory, "bounds") {
  DeviceArray<float> x(numbers(100));
  launch(scale, 1, 128, 0, nullptr, x.data(), 101);
}
GOOD(a_tail) {
  DeviceArray<float> x(numbers(100));
  launch(scale, 1, 128, 0, nullptr, x.data(), 100);
  expect(x.values()[99] == 2.0f * (99 % 17 + 1));
}

__global__ void read_before(const float* x, float* y) { y[threadIdx.x] = x[static_cast<int>(threadIdx.x) - 1]; }
BUG(a_read_before_the_begin, "bounds") {
  DeviceArray<float> x(numbers(64)), y(numbers(64));
  launch(read_before, 1, 64, 0, nullptr, x.data(), y.data());
}

__global__ void bytes(unsigned char* x, int n) {
  const int i = static_cast<int>(threadIdx.x);
  if (i < n) x[i] = static_cast<unsigned char>(x[i] + 1);
}
BUG(one_byte_too_many, "bounds") {
  DeviceArray<unsigned char> x(std::vector<unsigned char>(33));
  launch(bytes, 1, 64, 0, nullptr, x.data(), 34);
}
GOOD(neighbouring_bytes) {
  DeviceArray<unsigned char> x(std::vector<unsigned char>(64));
  launch(bytes, 1, 64, 0, nullptr, x.data(), 64);
  expect(x.values()[63] == 1);
}

__global__ void shared_index(float* x, int shift) {
  SHARED(float, tile, [64]);
  float* p = tile;
  p[threadIdx.x + static_cast<unsigned>(shift)] = x[threadIdx.x];
  __syncthreads();
  x[threadIdx.x] = p[threadIdx.x + static_cast<unsigned>(shift)];
}
BUG(off_by_one_in_shared_memory, "bounds") {
  DeviceArray<float> x(numbers(64));
  launch(shared_index, 1, 64, 0, nullptr, x.data(), 1);
}
__global__ void array_index(float* x, int column) {
  SHARED(float, tile, [8][9]);
  tile[threadIdx.x][column] = x[threadIdx.x];
  x[threadIdx.x] = tile[threadIdx.x][column];
}
BUG(the_next_row_of_a_shared_array, "bounds") {
  DeviceArray<float> x(numbers(8));
  launch(array_index, 1, 8, 0, nullptr, x.data(), 9);
}
__global__ void dynamic_index(float* x, int n) {
  DYN_SHARED(raw);
  float* tile = reinterpret_cast<float*>(raw);
  for (int i = static_cast<int>(threadIdx.x); i < n; i += 32) tile[i] = x[threadIdx.x];
}
BUG(behind_dynamic_shared_memory, "bounds") {
  DeviceArray<float> x(numbers(32));
  launch(dynamic_index, 1, 32, 400, nullptr, x.data(), 101);
}
GOOD(dynamic_shared_memory) {
  DeviceArray<float> x(numbers(32));
  launch(dynamic_index, 1, 32, 400, nullptr, x.data(), 100);
}

__global__ void reads_shared(float* y) {
  SHARED(float, tile, [64]);
  if (threadIdx.x < 63) tile[threadIdx.x] = 1;
  __syncthreads();
  y[threadIdx.x] = tile[threadIdx.x];
}
BUG(shared_memory_that_nobody_wrote, "uninitialised") {
  DeviceArray<float> y(numbers(64));
  launch(reads_shared, 1, 64, 0, nullptr, y.data());
}
__global__ void copy(const float* x, float* y) { y[threadIdx.x] = x[threadIdx.x]; }
BUG(global_memory_that_nobody_wrote, "uninitialised") {
  float* x = nullptr;
  check(cudaMalloc(&x, 64 * sizeof(float)));
  DeviceArray<float> y(numbers(64));
  launch(copy, 1, 64, 0, nullptr, x, y.data());
}
BUG(memory_that_was_freed, "bounds") {
  float* x = nullptr;
  check(cudaMalloc(&x, 64 * sizeof(float)));
  check(cudaFree(x));
  DeviceArray<float> y(numbers(64));
  launch(copy, 1, 64, 0, nullptr, x, y.data());
}
BUG(memory_of_the_host_is_touched_by_nobody_but_the_host, "host") {
  DeviceArray<float> x(numbers(64));
  expect(x.data()[3] == 4);
}

__global__ void vectors(const float* x, float4* y) { y[threadIdx.x] = reinterpret_cast<const float4*>(x)[threadIdx.x]; }
BUG(a_misaligned_vector, "alignment") {
  DeviceArray<float> x(numbers(130));
  DeviceArray<float4> y(std::vector<float4>(32));
  launch(vectors, 1, 32, 0, nullptr, x.data() + 1, y.data());
}
BUG(a_vector_beyond_the_end, "bounds") {
  DeviceArray<float> x(numbers(127));
  DeviceArray<float4> y(std::vector<float4>(32));
  launch(vectors, 1, 32, 0, nullptr, x.data(), y.data());
}
GOOD(an_aligned_vector) {
  DeviceArray<float> x(numbers(128));
  DeviceArray<float4> y(std::vector<float4>(32));
  launch(vectors, 1, 32, 0, nullptr, x.data(), y.data());
  expect(y.values()[31].w == 127 % 17 + 1);
}

// Blocks that hand something on to each other.
__global__ void next_block(float* x) {
  if (threadIdx.x == 0) x[blockIdx.x + 1] = x[blockIdx.x] + 1;
}
BUG(blocks_read_each_other, "race") {
  DeviceArray<float> x(numbers(20));
  launch(next_block, 8, 32, 0, nullptr, x.data());
}
__global__ void same_cell(float* x) {
  if (threadIdx.x == 0) x[0] = static_cast<float>(blockIdx.x);
}
BUG(blocks_write_one_place, "race") {
  DeviceArray<float> x(numbers(4));
  launch(same_cell, 8, 32, 0, nullptr, x.data());
}
__global__ void overwrites_input(const float* x, float* y) { y[blockIdx.x] = x[0] + x[blockIdx.x]; }
BUG(blocks_read_what_one_overwrites, "race") {
  DeviceArray<float> x(numbers(8));
  launch(overwrites_input, 8, 1, 0, nullptr, x.data(), x.data());
}
__global__ void least(unsigned long long* word) { atomicMin(word, static_cast<unsigned long long>(blockIdx.x) + 3); }
GOOD(atomics) {
  DeviceArray<unsigned long long> x({100});
  launch(least, 8, 64, 0, nullptr, x.data());
  expect(x.values()[0] == 3);
}
BUG(an_atomic_outside, "bounds") {
  DeviceArray<unsigned long long> x({100});
  launch(least, 1, 1, 0, nullptr, x.data() + 1);
}

}  // namespace
}  // namespace planted
