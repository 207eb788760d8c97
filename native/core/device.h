// What a stream needs from the machine that holds its tensors and runs its kernels: the CPU (cpu/cpu_device.h) or a GPU
// (cuda/cuda_device.h).
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/allocator.h"
#include "core/checks.h"
#include "core/kernel.h"

namespace nabla {

class Device {
 public:
  virtual ~Device();
  virtual const KernelTable& kernels() = 0;
  // Where the executor's host work is shared out.
  virtual ThreadPool& pool() = 0;
  virtual MemorySource& memory() = 0;
  // On the executor's thread, before the first command.
  virtual void start() {}

  // --- devices with memory of their own, whose kernels run later than they are called ---
  virtual DeviceQueue* queue() { return nullptr; }
  // Host memory for what is on its way to the device; null where the host writes into tensors itself.
  virtual MemorySource* staging() { return nullptr; }
  // Queues a copy and gives its number, which counts up; `source` is staging memory.
  virtual uint64_t upload(void*, const void*, size_t) { return 0; }
  // The number of the last copy that has run.
  virtual uint64_t uploaded() { return 0; }
  // Copies to any host memory and waits for it.
  virtual void download(void*, const void*, size_t) {}

  // Faults that kernels may have reported since the last wait (cuda/queue.h), and how many there may be before one.
  virtual int faults() const { return 0; }
  static constexpr int kMaxFaults = 1024;
  // Until all that was queued has run. One entry for each of faults(), empty where nothing was reported. Throws
  // KernelError when the device failed.
  struct Fault {
    ErrorKind kind;
    std::string message;
  };
  virtual std::vector<Fault> wait() { return {}; }
};

}  // namespace nabla
