// What is queued on streams: kernels, copies, events.
#include <cstring>
#include <memory>

#include "device_state.h"
#include "grid.h"
#include "shadow.h"

using namespace emulator;

namespace {

bool is_stream(Device& device, cudaStream_t stream) { return !stream || device.streams.exists(stream); }

cudaError_t wait_for(Device& device, const Point& point) {
  device.streams.run_until(point);
  device.settle();
  return result(device.broken);
}

cudaError_t query(Device& device, const Point& point) {
  if (!point.reached()) {
    device.streams.step();
    device.settle();
    if (device.broken != cudaSuccess) return result(device.broken);
  }
  if (!point.reached()) return cudaErrorNotReady;
  device.streams.seen(point);
  return cudaSuccess;
}

}  // namespace

// --- kernels -----------------------------------------------------------------------------------------------------

cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute attribute, int value) {
  NABLA_EMULATOR_ENTER(device);
  if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaSuccess;
  if (value < 0 || static_cast<size_t>(value) > device.most_shared()) return result(cudaErrorInvalidValue);
  device.shared_of_kernel[kernel] = static_cast<size_t>(value);
  return cudaSuccess;
}

cudaError_t emulator::launch(const cudaLaunchConfig_t& config, const void* kernel, size_t parameter_bytes,
                             std::function<void()> thread) {
  NABLA_EMULATOR_ENTER(device);
  const dim3 grid = config.gridDim, block = config.blockDim;
  const auto between = [](unsigned n, unsigned most) { return n >= 1 && n <= most; };
  if (!between(grid.x, 2147483647) || !between(grid.y, 65535) || !between(grid.z, 65535) || !between(block.x, 1024) ||
      !between(block.y, 1024) || !between(block.z, 64) || block.x * block.y * block.z > 1024) {
    return result(cudaErrorInvalidConfiguration);
  }
  if (!is_stream(device, config.stream)) return result(cudaErrorInvalidResourceHandle);
  const auto raised = device.shared_of_kernel.find(kernel);
  const size_t limit =
      raised == device.shared_of_kernel.end() ? size_t{48} << 10 : std::max(raised->second, size_t{48} << 10);
  if (config.dynamicSmemBytes > limit || parameter_bytes > 32764) return result(cudaErrorInvalidValue);
  Launch work{grid, block, config.dynamicSmemBytes, limit, std::move(thread)};
  device.streams.queue(config.stream, [&device, work = std::move(work)] {
    if (reports() && device.broken != cudaSuccess) return;
    run_grid(work);
    if (device.heap.allocations() < 100) device.heap.check_gaps();
    if (take_report()) device.broken = cudaErrorLaunchFailure;
  });
  return cudaSuccess;
}

// --- streams and events ------------------------------------------------------------------------------------------

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  NABLA_EMULATOR_ENTER(device);
  *stream = device.streams.create(!(flags & cudaStreamNonBlocking));
  return cudaSuccess;
}
cudaError_t cudaStreamCreate(cudaStream_t* stream) { return cudaStreamCreateWithFlags(stream, cudaStreamDefault); }
cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned flags, int) {
  return cudaStreamCreateWithFlags(stream, flags);
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  NABLA_EMULATOR_ENTER(device);
  if (!stream || !is_stream(device, stream)) return result(cudaErrorInvalidResourceHandle);
  device.streams.destroy(stream);
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  NABLA_EMULATOR_ENTER(device);
  if (!is_stream(device, stream)) return result(cudaErrorInvalidResourceHandle);
  return wait_for(device, device.streams.last(stream));
}
cudaError_t cudaStreamQuery(cudaStream_t stream) {
  NABLA_EMULATOR_ENTER(device);
  if (!is_stream(device, stream)) return result(cudaErrorInvalidResourceHandle);
  return query(device, device.streams.last(stream));
}
cudaError_t cudaDeviceSynchronize() {
  NABLA_EMULATOR_ENTER(device);
  device.streams.run_all();
  device.settle();
  return result(device.broken);
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  NABLA_EMULATOR_ENTER(device);
  if (!is_stream(device, stream) || !event) return result(cudaErrorInvalidResourceHandle);
  device.streams.queue(stream, [] {}, {event->recorded});
  return cudaSuccess;
}
cudaError_t cudaLaunchHostFunc(cudaStream_t stream, void (*function)(void*), void* data) {
  NABLA_EMULATOR_ENTER(device);
  if (!is_stream(device, stream)) return result(cudaErrorInvalidResourceHandle);
  device.streams.queue(stream, [function, data] { function(data); });
  return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  NABLA_EMULATOR_ENTER(device);
  *event = new Event;
  return cudaSuccess;
}
cudaError_t cudaEventCreate(cudaEvent_t* event) { return cudaEventCreateWithFlags(event, cudaEventDefault); }
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  NABLA_EMULATOR_ENTER(device);
  if (!is_stream(device, stream) || !event) return result(cudaErrorInvalidResourceHandle);
  device.streams.queue(stream, [] {});
  event->recorded = device.streams.last(stream);
  return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  NABLA_EMULATOR_ENTER(device);
  return wait_for(device, event->recorded);
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
  NABLA_EMULATOR_ENTER(device);
  return query(device, event->recorded);
}
// Time means nothing here.
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t begin, cudaEvent_t end) {
  NABLA_EMULATOR_ENTER(device);
  if (!begin->recorded.reached() || !end->recorded.reached()) return cudaErrorNotReady;
  *milliseconds = 1;
  return cudaSuccess;
}

// --- copies ------------------------------------------------------------------------------------------------------

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  NABLA_EMULATOR_ENTER(device);
  if (!is_stream(device, stream)) return result(cudaErrorInvalidResourceHandle);
  if (bytes == 0) return cudaSuccess;
  const bool to_device = device.heap.owns(to), from_device = device.heap.owns(from);
  const bool kind_fits =
      kind == cudaMemcpyDefault || kind == (to_device ? from_device ? cudaMemcpyDeviceToDevice : cudaMemcpyHostToDevice
                                            : from_device ? cudaMemcpyDeviceToHost
                                                          : cudaMemcpyHostToHost);
  if (!kind_fits || (to_device && !device.heap.holds(to, bytes)) || (from_device && !device.heap.holds(from, bytes))) {
    return result(cudaErrorInvalidValue);
  }
  const auto copy = [=](const void* source) {
    if (from_device) shadow::copied_from(from, bytes);
    if (to_device) shadow::copied_to(to, bytes);
    std::memcpy(to, source, bytes);
  };
  if (!from_device && !device.is_pinned(from, bytes)) {
    // The driver takes the bytes before it returns.
    const auto staged =
        std::make_shared<std::vector<char>>(static_cast<const char*>(from), static_cast<const char*>(from) + bytes);
    device.streams.queue(stream, [copy, staged] { copy(staged->data()); });
  } else {
    device.streams.queue(stream, [copy, from] { copy(from); });
  }
  // To memory that is not pinned the copy is complete on return.
  if (!to_device && !device.is_pinned(to, bytes)) return wait_for(device, device.streams.last(stream));
  return cudaSuccess;
}
cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  const cudaError_t error = cudaMemcpyAsync(to, from, bytes, kind, nullptr);
  return error == cudaSuccess ? cudaStreamSynchronize(nullptr) : error;
}

cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes, cudaStream_t stream) {
  NABLA_EMULATOR_ENTER(device);
  if (!is_stream(device, stream)) return result(cudaErrorInvalidResourceHandle);
  if (bytes == 0) return cudaSuccess;
  if (!device.heap.holds(to, bytes)) return result(cudaErrorInvalidValue);
  device.streams.queue(stream, [=] {
    shadow::copied_to(to, bytes);
    std::memset(to, value, bytes);
  });
  return cudaSuccess;
}
cudaError_t cudaMemset(void* to, int value, size_t bytes) {
  const cudaError_t error = cudaMemsetAsync(to, value, bytes, nullptr);
  return error == cudaSuccess ? cudaStreamSynchronize(nullptr) : error;
}
