// Errors, devices and memory.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "device_state.h"
#include "shadow.h"
#include "test_api.h"

namespace emulator {

namespace {
thread_local cudaError_t last_error = cudaSuccess;
}

cudaError_t result(cudaError_t error) {
  if (error != cudaSuccess && error != cudaErrorNotReady) last_error = error;
  return error;
}

Device& Device::get() {
  static Device device;
  return device;
}

size_t Device::most_shared() const {
  switch (settings().capability) {
    case 75: return size_t{64} << 10;
    case 80:
    case 87: return size_t{163} << 10;
    case 86:
    case 89:
    case 120: return size_t{99} << 10;
    default: return size_t{227} << 10;
  }
}

bool Device::is_pinned(const void* pointer, size_t bytes) const {
  const char* p = static_cast<const char*>(pointer);
  auto after = pinned.upper_bound(p);
  if (after == pinned.begin()) return false;
  --after;
  return p + bytes <= after->first + after->second;
}

void Device::settle() {
  heap.check_gaps();
  if (take_report() && broken == cudaSuccess) broken = cudaErrorLaunchFailure;
  if (broken != cudaSuccess) streams.drop();
}

}  // namespace emulator

using namespace emulator;

cudaError_t cudaGetLastError() {
  const cudaError_t error = last_error;
  last_error = cudaSuccess;
  return error;
}
cudaError_t cudaPeekAtLastError() { return last_error; }

namespace {
struct ErrorText {
  cudaError_t error;
  const char *name, *text;
};
constexpr ErrorText kErrors[] = {
    {cudaSuccess, "cudaSuccess", "no error"},
    {cudaErrorInvalidValue, "cudaErrorInvalidValue", "invalid argument"},
    {cudaErrorMemoryAllocation, "cudaErrorMemoryAllocation", "out of memory"},
    {cudaErrorInitializationError, "cudaErrorInitializationError", "initialization error"},
    {cudaErrorInvalidConfiguration, "cudaErrorInvalidConfiguration", "invalid configuration argument"},
    {cudaErrorInvalidDevicePointer, "cudaErrorInvalidDevicePointer", "invalid device pointer"},
    {cudaErrorInsufficientDriver, "cudaErrorInsufficientDriver",
     "CUDA driver version is insufficient for CUDA runtime version"},
    {cudaErrorInvalidDeviceFunction, "cudaErrorInvalidDeviceFunction", "invalid device function"},
    {cudaErrorNoDevice, "cudaErrorNoDevice", "no CUDA-capable device is detected"},
    {cudaErrorInvalidDevice, "cudaErrorInvalidDevice", "invalid device ordinal"},
    {cudaErrorInvalidResourceHandle, "cudaErrorInvalidResourceHandle", "invalid resource handle"},
    {cudaErrorNotReady, "cudaErrorNotReady", "device not ready"},
    {cudaErrorIllegalAddress, "cudaErrorIllegalAddress", "an illegal memory access was encountered"},
    {cudaErrorLaunchOutOfResources, "cudaErrorLaunchOutOfResources", "too many resources requested for launch"},
    {cudaErrorLaunchFailure, "cudaErrorLaunchFailure", "unspecified launch failure"},
    {cudaErrorNotSupported, "cudaErrorNotSupported", "operation not supported"},
};
const ErrorText* find(cudaError_t error) {
  const auto* found =
      std::find_if(std::begin(kErrors), std::end(kErrors), [&](const ErrorText& e) { return e.error == error; });
  return found == std::end(kErrors) ? nullptr : found;
}
}  // namespace
const char* cudaGetErrorString(cudaError_t error) {
  return find(error) ? find(error)->text : "unrecognized error code";
}
const char* cudaGetErrorName(cudaError_t error) { return find(error) ? find(error)->name : "unrecognized error code"; }

// --- devices ---------------------------------------------------------------------------------------------------

cudaError_t cudaGetDeviceCount(int* count) {
  if (settings().devices == 0) return result(cudaErrorNoDevice);
  *count = settings().devices;
  return cudaSuccess;
}
cudaError_t cudaGetDevice(int* device) {
  if (settings().devices == 0) return result(cudaErrorNoDevice);
  *device = 0;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) {
  NABLA_EMULATOR_ENTER(state);
  return result(device == 0 ? cudaSuccess : cudaErrorInvalidDevice);
}

// An H100's numbers where the capability does not decide.
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* p, int device) {
  NABLA_EMULATOR_ENTER(state);
  if (device != 0) return result(cudaErrorInvalidDevice);
  *p = {};
  std::snprintf(p->name, sizeof p->name, "nabla emulator");
  p->totalGlobalMem = settings().memory;
  p->sharedMemPerBlock = size_t{48} << 10;
  p->sharedMemPerBlockOptin = state.most_shared();
  p->sharedMemPerMultiprocessor = state.most_shared() + 1024;
  p->regsPerBlock = p->regsPerMultiprocessor = 65536;
  p->warpSize = 32;
  p->maxThreadsPerBlock = 1024;
  p->maxThreadsPerMultiProcessor = settings().capability == 75 ? 1024 : 2048;
  p->maxThreadsDim[0] = p->maxThreadsDim[1] = 1024;
  p->maxThreadsDim[2] = 64;
  p->maxGridSize[0] = 2147483647;
  p->maxGridSize[1] = p->maxGridSize[2] = 65535;
  p->major = settings().capability / 10;
  p->minor = settings().capability % 10;
  p->multiProcessorCount = settings().capability == 75 ? 68 : 132;
  p->l2CacheSize = 50 << 20;
  p->memoryBusWidth = 5120;
  p->asyncEngineCount = 3;
  p->concurrentKernels = 1;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  cudaDeviceProp p;
  const cudaError_t error = cudaGetDeviceProperties(&p, device);
  if (error != cudaSuccess) return error;
  switch (attribute) {
    case cudaDevAttrMaxThreadsPerBlock: *value = p.maxThreadsPerBlock; break;
    case cudaDevAttrMaxSharedMemoryPerBlock: *value = static_cast<int>(p.sharedMemPerBlock); break;
    case cudaDevAttrWarpSize: *value = p.warpSize; break;
    case cudaDevAttrClockRate: *value = 1980000; break;
    case cudaDevAttrMultiProcessorCount: *value = p.multiProcessorCount; break;
    case cudaDevAttrMemoryClockRate: *value = 2619000; break;
    case cudaDevAttrGlobalMemoryBusWidth: *value = p.memoryBusWidth; break;
    case cudaDevAttrL2CacheSize: *value = p.l2CacheSize; break;
    case cudaDevAttrMaxThreadsPerMultiProcessor: *value = p.maxThreadsPerMultiProcessor; break;
    case cudaDevAttrComputeCapabilityMajor: *value = p.major; break;
    case cudaDevAttrComputeCapabilityMinor: *value = p.minor; break;
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor: *value = static_cast<int>(p.sharedMemPerMultiprocessor); break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin: *value = static_cast<int>(p.sharedMemPerBlockOptin); break;
    default: return result(cudaErrorInvalidValue);
  }
  return cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int* version) {
  *version = settings().devices ? 13000 : 0;
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}
cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  NABLA_EMULATOR_ENTER(device);
  *total = device.heap.limit();
  *free = device.heap.limit() - device.heap.used();
  return cudaSuccess;
}
cudaError_t cudaDeviceReset() {
  if (settings().devices == 0) return result(cudaErrorNoDevice);
  Device& device = Device::get();
  const std::lock_guard<std::recursive_mutex> lock(device.mutex);
  device.streams.drop();
  device.heap.clear();
  device.broken = cudaSuccess;
  take_report();
  return cudaSuccess;
}

// --- memory ----------------------------------------------------------------------------------------------------

cudaError_t cudaMalloc(void** pointer, size_t bytes) {
  NABLA_EMULATOR_ENTER(device);
  *pointer = nullptr;
  if (bytes == 0) return cudaSuccess;
  *pointer = device.heap.allocate(bytes);
  return result(*pointer ? cudaSuccess : cudaErrorMemoryAllocation);
}

void* emulator::allocate(size_t bytes, size_t offset) {
  Device& device = Device::get();
  const std::lock_guard<std::recursive_mutex> lock(device.mutex);
  return device.heap.allocate(bytes, offset);
}

// Waits for the device, as CUDA's does.
cudaError_t cudaFree(void* pointer) {
  if (!pointer) return cudaSuccess;
  NABLA_EMULATOR_ENTER(device);
  device.streams.run_all();
  device.settle();
  if (!device.heap.release(pointer)) return result(cudaErrorInvalidValue);
  return result(device.broken);
}

cudaError_t cudaHostAlloc(void** pointer, size_t bytes, unsigned) {
  NABLA_EMULATOR_ENTER(device);
  *pointer = std::aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
  if (!*pointer) return result(cudaErrorMemoryAllocation);
  std::memset(*pointer, 0xff, bytes);
  device.pinned[static_cast<char*>(*pointer)] = bytes;
  return cudaSuccess;
}
cudaError_t cudaMallocHost(void** pointer, size_t bytes) { return cudaHostAlloc(pointer, bytes, cudaHostAllocDefault); }

cudaError_t cudaFreeHost(void* pointer) {
  if (!pointer) return cudaSuccess;
  NABLA_EMULATOR_ENTER(device);
  device.streams.run_all();
  device.settle();
  if (!device.pinned.erase(static_cast<char*>(pointer))) return result(cudaErrorInvalidValue);
  std::free(pointer);
  return result(device.broken);
}
