// The one emulated device. Every function of the API takes its lock.
#pragma once
#include <map>
#include <mutex>
#include <unordered_map>

#include "heap.h"
#include "launch_api.h"
#include "settings.h"
#include "streams.h"

namespace emulator {

class Device {
 public:
  static Device& get();

  std::recursive_mutex mutex;
  Heap heap{settings().memory};
  Streams streams;
  std::map<const char*, size_t> pinned;                      // memory of the host that copies may read later
  std::unordered_map<const void*, size_t> shared_of_kernel;  // raised limits
  cudaError_t broken = cudaSuccess;                          // an error that stays until the device is reset

  size_t most_shared() const;  // that a kernel may ask for
  bool is_pinned(const void* p, size_t bytes) const;
  // After work has run: whether it went wrong.
  void settle();
};

// Remembers the error for cudaGetLastError().
cudaError_t result(cudaError_t error);

// Begins a function of the API: there is a device, and it is not broken.
#define NABLA_EMULATOR_ENTER(device) \
  if (settings().devices == 0) return result(cudaErrorNoDevice); \
  Device& device = Device::get(); \
  const std::lock_guard<std::recursive_mutex> lock(device.mutex); \
  if (device.broken != cudaSuccess) return result(device.broken)

}  // namespace emulator
