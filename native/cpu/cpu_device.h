// The CPU as a stream's device.
#pragma once
#include "core/device.h"
#include "cpu/isa.h"
#include "cpu/thread_pool.h"

namespace nabla {

class CpuMemory final : public MemorySource {
 public:
  void* take(size_t bytes) override;
  void give_back(void* data) override;
  // Nine tenths of the memory that this process may have.
  size_t default_limit() override;
};

class CpuDevice final : public Device {
 public:
  // With `pin`, each thread keeps to a CPU; of several devices in one process only the first may.
  CpuDevice(Isa isa, int threads, bool pin);
  ~CpuDevice() override;

  const KernelTable& kernels() override { return kernels_; }
  ThreadPool& pool() override { return pool_; }
  MemorySource& memory() override { return memory_; }
  void start() override { pool_.pin_current_thread(0); }
  bool pinned() const { return pool_.pinned(); }

 private:
  const KernelTable& kernels_;
  const bool pin_;
  CpuThreadPool pool_;
  CpuMemory memory_;
};

}  // namespace nabla
