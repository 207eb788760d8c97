// cp.async, tensor cores, streams and limits.
#include <cmath>

#include "planted.h"

namespace planted {
namespace {

using nabla::cuda::cp_async16;
using nabla::cuda::cp_async_commit;
using nabla::cuda::cp_async_wait;

enum Mistake { kNone, kNoWait, kWaitTooFew, kNoBarrier, kNoBarrierAtEnd, kNoCommit };

// Two stages of 32 x 4 floats: one is read while the next is on its way.
__global__ void pipeline(const float* x, float* y, int stages, int mistake) {
  SHARED(float4, tile, [2][32]);
  const unsigned lane = threadIdx.x, other = 31 - lane;
  const auto begin = [&](int stage) {
    cp_async16(&tile[stage % 2][lane], x + (stage * 32 + static_cast<int>(lane)) * 4);
    if (mistake != kNoCommit) cp_async_commit();
  };
  begin(0);
  float sum = 0;
  for (int stage = 0; stage < stages; ++stage) {
    if (stage + 1 < stages) {
      begin(stage + 1);
      if (mistake == kWaitTooFew) {
        cp_async_wait<2>();
      } else if (mistake != kNoWait) {
        cp_async_wait<1>();
      }
    } else if (mistake != kNoWait) {
      cp_async_wait<0>();
    }
    if (mistake != kNoBarrier) __syncthreads();
    sum += tile[stage % 2][other].x;
    if (mistake != kNoBarrierAtEnd) __syncthreads();
  }
  y[lane] = sum;
}
void run_pipeline(Mistake mistake) {
  const int stages = 5;
  const std::vector<float> in = numbers(stages * 128);
  DeviceArray<float> x(in), y(numbers(32));
  launch(pipeline, 1, 32, 0, nullptr, x.data(), y.data(), stages, static_cast<int>(mistake));
  float want = 0;
  for (int stage = 0; stage < stages; ++stage) want += in[static_cast<size_t>(stage * 128 + 31 * 4)];
  expect(y.values()[0] == want);
}
GOOD(a_pipeline) { run_pipeline(kNone); }
BUG(no_wait_for_cp_async, "uninitialised") { run_pipeline(kNoWait); }
BUG(a_wait_for_too_few_groups, "uninitialised") { run_pipeline(kWaitTooFew); }
BUG(no_commit_of_cp_async, "uninitialised") { run_pipeline(kNoCommit); }
BUG(no_barrier_behind_the_wait, "uninitialised") { run_pipeline(kNoBarrier); }
BUG(cp_async_into_what_is_still_read, "race") { run_pipeline(kNoBarrierAtEnd); }
BUG(a_misaligned_cp_async, "alignment") {
  DeviceArray<float> x(numbers(1000)), y(numbers(32));
  launch(pipeline, 1, 32, 0, nullptr, x.data() + 1, y.data(), 5, 0);
}
BUG(cp_async_from_outside, "bounds") {
  DeviceArray<float> x(numbers(5 * 128 - 4)), y(numbers(32));
  launch(pipeline, 1, 32, 0, nullptr, x.data(), y.data(), 5, 0);
}

// c = a @ b by one warp, 16 x 8 by 8 x 8.
__global__ void product(const float* a, const float* b, float* c, int lanes) {
  const int lane = static_cast<int>(threadIdx.x), g = lane / 4, t = lane % 4;
  if (lane >= lanes) return;
  const auto at = [](const float* x, int i) { return nabla::cuda::round_tf32(x[i]); };
  const uint32_t fa[4] = {at(a, g * 8 + t), at(a, (g + 8) * 8 + t), at(a, g * 8 + t + 4), at(a, (g + 8) * 8 + t + 4)};
  const uint32_t fb[2] = {at(b, t * 8 + g), at(b, (t + 4) * 8 + g)};
  float fc[4] = {0, 0, 0, 0};
  nabla::cuda::mma_m16n8k8_tf32(fc, fa, fb);
  c[g * 8 + 2 * t] = fc[0], c[g * 8 + 2 * t + 1] = fc[1];
  c[(g + 8) * 8 + 2 * t] = fc[2], c[(g + 8) * 8 + 2 * t + 1] = fc[3];
}
void run_product(int lanes) {
  const std::vector<float> a = numbers(128), b = numbers(64);
  DeviceArray<float> da(a), db(b), dc(numbers(128));
  launch(product, 1, 32, 0, nullptr, da.data(), db.data(), dc.data(), lanes);
  const std::vector<float> c = dc.values();
  bool right = true;
  for (size_t i = 0; i < 16; ++i) {
    for (size_t j = 0; j < 8; ++j) {
      float sum = 0;
      for (size_t k = 0; k < 8; ++k) sum += a[i * 8 + k] * b[k * 8 + j];
      right = right && c[i * 8 + j] == sum;
    }
  }
  expect(right);
}
GOOD(a_product_of_tensor_cores) { run_product(32); }
BUG(a_product_of_half_a_warp, "deadlock") { run_product(16); }

__global__ void add_one(float* x) { x[threadIdx.x] += 1; }
__global__ void twice(const float* x, float* y) { y[threadIdx.x] = 2 * x[threadIdx.x]; }
void run_streams(bool record, bool wait) {
  cudaStream_t first, second;
  cudaEvent_t event;
  check(cudaStreamCreateWithFlags(&first, cudaStreamNonBlocking));
  check(cudaStreamCreateWithFlags(&second, cudaStreamNonBlocking));
  check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
  DeviceArray<float> x(numbers(32)), y(numbers(32));
  launch(add_one, 1, 32, 0, first, x.data());
  if (record) check(cudaEventRecord(event, first));
  if (wait) check(cudaStreamWaitEvent(second, event));
  launch(twice, 1, 32, 0, second, x.data(), y.data());
  check(cudaStreamSynchronize(second));
  expect(y.values()[3] == 10);
}
GOOD(streams_ordered_by_an_event) { run_streams(true, true); }
BUG(no_wait_for_an_event, "race") { run_streams(true, false); }
BUG(an_event_that_was_not_recorded, "race") { run_streams(false, true); }
BUG(a_copy_on_another_stream, "race") {
  cudaStream_t first, second;
  check(cudaStreamCreateWithFlags(&first, cudaStreamNonBlocking));
  check(cudaStreamCreateWithFlags(&second, cudaStreamNonBlocking));
  DeviceArray<float> x(numbers(32));
  std::vector<float> out(32);
  launch(add_one, 1, 32, 0, first, x.data());
  check(cudaMemcpyAsync(out.data(), x.data(), 32 * sizeof(float), cudaMemcpyDeviceToHost, second));
  check(cudaStreamSynchronize(first));
}

BUG(too_many_threads, "error") {
  DeviceArray<float> x(numbers(2048));
  launch(add_one, 1, 1025, 0, nullptr, x.data());
}
BUG(too_long_a_grid, "error") {
  DeviceArray<float> x(numbers(32));
  launch(add_one, dim3(1, 65536), 32, 0, nullptr, x.data());
}
BUG(too_much_dynamic_shared_memory, "error") {
  DeviceArray<float> x(numbers(32));
  launch(add_one, 1, 32, size_t{256} << 10, nullptr, x.data());
}
__global__ void two_arrays(float* x) {
  SHARED(float, a, [8000]);
  SHARED(float, b, [8000]);
  a[threadIdx.x] = b[threadIdx.x] = 1;
  x[threadIdx.x] = a[threadIdx.x] + b[threadIdx.x];
}
BUG(too_much_shared_memory, "limit") {
  DeviceArray<float> x(numbers(32));
  launch(two_arrays, 1, 32, 0, nullptr, x.data());
}
__global__ void gives_up() { __trap(); }
BUG(a_trap, "trap") { launch(gives_up, 1, 32, 0, nullptr); }

// An error stays.
BUG(after_an_error_all_calls_fail, "error") {
  launch(gives_up, 1, 32, 0, nullptr);
  cudaStreamSynchronize(nullptr);
  launch(add_one, 1, 32, 0, nullptr, static_cast<float*>(nullptr));
}

}  // namespace
}  // namespace planted
