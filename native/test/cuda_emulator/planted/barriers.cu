// Barriers: missing, in the wrong place, not for all.
#include "planted.h"

namespace planted {
namespace {

constexpr int kThreads = 128;

__global__ void reverse(const float* x, float* y, int barriers) {
  SHARED(float, tile, [kThreads]);
  for (int row = 0; row < 3; ++row) {
    tile[threadIdx.x] = x[row * kThreads + threadIdx.x];
    if (barriers & 1) __syncthreads();
    y[row * kThreads + threadIdx.x] = tile[kThreads - 1 - threadIdx.x];
    if (barriers & 2) __syncthreads();
  }
}
void run_reverse(int barriers) {
  const std::vector<float> in = numbers(3 * kThreads);
  DeviceArray<float> x(in), y(in);
  launch(reverse, 2, kThreads, 0, nullptr, x.data(), y.data() + 0, barriers);
  finish();
  const std::vector<float> out = y.values();
  bool right = true;
  for (int i = 0; i < 3 * kThreads; ++i) {
    right = right && out[static_cast<size_t>(i)] ==
                         in[static_cast<size_t>(i / kThreads * kThreads + kThreads - 1 - i % kThreads)];
  }
  expect(right);
}
BUG(no_barrier_before_reading, "race") { run_reverse(2); }
BUG(no_barrier_before_the_next_write, "race") { run_reverse(1); }
BUG(no_barrier_before_reading_what_nobody_wrote_yet, "uninitialised") { run_reverse(0); }
BUG(two_blocks_write_the_same, "race") { run_reverse(3); }

// A fold without the barrier at its end, twice.
__global__ void fold_twice(float* x, bool barrier) {
  SHARED(float, partial, [4]);
  float value = x[threadIdx.x];
  for (int turn = 0; turn < 2; ++turn) {
    value = nabla::cuda::warp_fold(value, nabla::cuda::AddOp{});
    if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = value;
    __syncthreads();
    value = partial[0] + partial[1] + partial[2] + partial[3];
    if (barrier) __syncthreads();
  }
  x[threadIdx.x] = value;
}
BUG(a_fold_that_may_not_be_called_again, "race") {
  DeviceArray<float> x(numbers(kThreads));
  launch(fold_twice, 1, kThreads, 0, nullptr, x.data(), false);
}
GOOD(a_fold_that_may_be_called_again) {
  DeviceArray<float> x(std::vector<float>(kThreads, 1.0f));
  launch(fold_twice, 1, kThreads, 0, nullptr, x.data(), true);
  expect(x.values()[5] == static_cast<float>(kThreads) * kThreads);
}

__global__ void some_threads_only() {
  if (threadIdx.x < 40) __syncthreads();
}
BUG(a_barrier_for_some, "deadlock") { launch(some_threads_only, 1, kThreads, 0, nullptr); }

__global__ void two_places() {
  if (threadIdx.x < 64) {
    __syncthreads();
  } else {
    __syncthreads();
  }
}
BUG(barriers_at_two_places, "divergence") { launch(two_places, 1, kThreads, 0, nullptr); }

__global__ void early_exit(float* x, int n) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= n) return;
  x[i] = nabla::cuda::block_fold<kThreads>(x[i], nabla::cuda::AddOp{});
}
BUG(a_fold_behind_an_early_exit, "deadlock") {
  DeviceArray<float> x(numbers(kThreads));
  launch(early_exit, 1, kThreads, 0, nullptr, x.data(), 100);
}

// Lanes pass values through shared memory.
__global__ void neighbours(float* x, bool sync) {
  SHARED(float, tile, [32]);
  tile[threadIdx.x] = x[threadIdx.x];
  if (sync) __syncwarp();
  const float next = tile[(threadIdx.x + 1) % 32];
  if (sync) __syncwarp();
  tile[threadIdx.x] = 0;
  x[threadIdx.x] = next;
}
BUG(lanes_without_syncwarp, "uninitialised") {
  DeviceArray<float> x(numbers(32));
  launch(neighbours, 1, 32, 0, nullptr, x.data(), false);
}
GOOD(lanes_with_syncwarp) {
  DeviceArray<float> x(numbers(32));
  launch(neighbours, 1, 32, 0, nullptr, x.data(), true);
  const std::vector<float> out = x.values();
  expect(out[0] == 2 && out[31] == 1);
}

// A shuffle makes lanes meet, but orders no memory.
__global__ void shuffle_for_a_fence(float* x) {
  SHARED(float, tile, [32]);
  tile[threadIdx.x] = x[threadIdx.x];
  const float mine = __shfl_sync(0xffffffffu, x[threadIdx.x], 0);
  x[threadIdx.x] = tile[31 - threadIdx.x] + mine;
}
BUG(a_shuffle_is_no_fence, "race") {
  DeviceArray<float> x(numbers(32));
  launch(shuffle_for_a_fence, 1, 32, 0, nullptr, x.data());
}

__global__ void half_a_warp(float* x) {
  if (threadIdx.x < 16) x[threadIdx.x] = __shfl_xor_sync(0xffffffffu, x[threadIdx.x], 1);
}
BUG(a_shuffle_of_half_a_warp, "deadlock") {
  DeviceArray<float> x(numbers(32));
  launch(half_a_warp, 1, 32, 0, nullptr, x.data());
}
__global__ void two_shuffles(float* x) {
  if (threadIdx.x % 2) {
    x[threadIdx.x] = __shfl_sync(0xffffffffu, x[threadIdx.x], 0);
  } else {
    x[threadIdx.x] = __shfl_sync(0xffffffffu, x[threadIdx.x], 1);
  }
}
BUG(shuffles_at_two_places, "divergence") {
  DeviceArray<float> x(numbers(32));
  launch(two_shuffles, 1, 32, 0, nullptr, x.data());
}
__global__ void outside_the_mask(float* x) { x[threadIdx.x] = __shfl_sync(0xffffu, x[threadIdx.x], 0); }
BUG(a_lane_outside_its_mask, "divergence") {
  DeviceArray<float> x(numbers(32));
  launch(outside_the_mask, 1, 32, 0, nullptr, x.data());
}

}  // namespace
}  // namespace planted
