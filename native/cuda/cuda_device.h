// A GPU as a stream's device: one CUDA stream, on which commands' kernels and copies run in order.
#pragma once
#include <deque>
#include <vector>

#include "core/device.h"
#include "cpu/thread_pool.h"
#include "cuda/queue.h"

namespace nabla {

class CudaMemory final : public MemorySource {
 public:
  void* take(size_t bytes) override;
  void give_back(void* data) override;
  // Nine tenths of what is free on the device.
  size_t default_limit() override;
};

// Host memory that the device copies from by itself.
class PinnedMemory final : public MemorySource {
 public:
  void* take(size_t bytes) override;
  void give_back(void* data) override;
  size_t default_limit() override;
};

class CudaDevice final : public Device, private DeviceQueue {
 public:
  // Throws KernelError when the device cannot be used.
  CudaDevice(int device, bool allow_tf32);
  ~CudaDevice() override;

  const KernelTable& kernels() override;
  ThreadPool& pool() override { return pool_; }
  MemorySource& memory() override { return memory_; }
  MemorySource* staging() override { return &staging_; }
  DeviceQueue* queue() override { return this; }
  void start() override;
  uint64_t upload(void* target, const void* source, size_t bytes) override;
  uint64_t uploaded() override;
  void download(void* target, const void* source, size_t bytes) override;
  int faults() const override { return static_cast<int>(faults_.size()); }
  std::vector<Fault> wait() override;

 private:
  struct PendingFault {
    ErrorKind kind;
    std::function<std::string(int64_t position, int32_t value)> describe;
  };
  struct Copy {
    uint64_t number;
    cudaEvent_t event;
  };
  FaultWord* fault(ErrorKind kind, std::function<std::string(int64_t position, int32_t value)> describe) override;

  const int device_;
  CpuThreadPool pool_{1, false};
  CudaMemory memory_;
  PinnedMemory staging_;
  FaultWord* fault_words_ = nullptr;   // kMaxFaults of them on the device
  FaultWord* found_faults_ = nullptr;  // the same on the host
  std::vector<PendingFault> faults_;
  std::deque<Copy> copies_;  // not known to have run
  std::vector<cudaEvent_t> idle_events_;
  uint64_t copies_made_ = 0, copies_run_ = 0;
};

}  // namespace nabla
