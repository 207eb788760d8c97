#include "cuda/cuda_device.h"

#include <utility>

#include "cuda/error.h"

namespace nabla {

using cuda::check;

namespace cuda {
const KernelTable& table();
}

namespace {

// What a fault word holds while nothing was reported. All of its bytes are alike.
constexpr int kNoFaultByte = 0xFF;
constexpr FaultWord kNoFault = ~FaultWord{0};

}  // namespace

void* CudaMemory::take(size_t bytes) {
  void* data = nullptr;
  if (cudaMalloc(&data, bytes) == cudaSuccess) return data;
  cudaGetLastError();  // so that the next call does not report it again
  return nullptr;
}

void CudaMemory::give_back(void* data) { cudaFree(data); }

size_t CudaMemory::default_limit() {
  size_t free = 0, total = 0;
  check(cudaMemGetInfo(&free, &total));
  return free / 10 * 9;
}

void* PinnedMemory::take(size_t bytes) {
  void* data = nullptr;
  if (cudaHostAlloc(&data, bytes, cudaHostAllocPortable) == cudaSuccess) return data;
  cudaGetLastError();
  return nullptr;
}

void PinnedMemory::give_back(void* data) { cudaFreeHost(data); }

// The system refuses before this; the stream bounds what is on its way.
size_t PinnedMemory::default_limit() { return size_t{1} << 40; }

CudaDevice::CudaDevice(int device, bool allow_tf32) : device_(device) {
  check(cudaSetDevice(device));
  int major = 0, minor = 0;
  check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device));
  check(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device));
  check(cudaDeviceGetAttribute(&multiprocessors_, cudaDevAttrMultiProcessorCount, device));
  capability_ = 10 * major + minor;
  allow_tf32_ = allow_tf32;
  constexpr size_t kBytes = kMaxFaults * sizeof(FaultWord);
  void *words = nullptr, *found = nullptr;
  check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking));
  check(cudaMalloc(&words, kBytes));
  fault_words_ = static_cast<FaultWord*>(words);
  check(cudaHostAlloc(&found, kBytes, cudaHostAllocPortable));
  found_faults_ = static_cast<FaultWord*>(found);
  check(cudaMemsetAsync(fault_words_, kNoFaultByte, kBytes, stream_));
}

CudaDevice::~CudaDevice() {
  cudaStreamSynchronize(stream_);
  for (const Copy& copy : copies_) cudaEventDestroy(copy.event);
  for (const cudaEvent_t event : idle_events_) cudaEventDestroy(event);
  cudaFree(fault_words_);
  cudaFreeHost(found_faults_);
  cudaStreamDestroy(stream_);
}

const KernelTable& CudaDevice::kernels() { return cuda::table(); }

// CUDA keeps the current device for each thread.
void CudaDevice::start() { cudaSetDevice(device_); }

uint64_t CudaDevice::upload(void* target, const void* source, size_t bytes) {
  if (bytes > 0) check(cudaMemcpyAsync(target, source, bytes, cudaMemcpyHostToDevice, stream_));
  cudaEvent_t event = nullptr;
  if (idle_events_.empty()) {
    check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
  } else {
    event = idle_events_.back();
    idle_events_.pop_back();
  }
  copies_.push_back({++copies_made_, event});
  check(cudaEventRecord(event, stream_));
  return copies_made_;
}

uint64_t CudaDevice::uploaded() {
  while (!copies_.empty() && cudaEventQuery(copies_.front().event) == cudaSuccess) {
    copies_run_ = copies_.front().number;
    idle_events_.push_back(copies_.front().event);
    copies_.pop_front();
  }
  return copies_run_;
}

void CudaDevice::download(void* target, const void* source, size_t bytes) {
  check(cudaMemcpyAsync(target, source, bytes, cudaMemcpyDeviceToHost, stream_));
  check(cudaStreamSynchronize(stream_));
}

FaultWord* CudaDevice::fault(ErrorKind kind, std::function<std::string(int64_t position, int32_t value)> describe) {
  NABLA_CHECK(faults_.size() < kMaxFaults, "too many faults to watch for");
  faults_.push_back({kind, std::move(describe)});
  return fault_words_ + faults_.size() - 1;
}

std::vector<Device::Fault> CudaDevice::wait() {
  const std::vector<PendingFault> pending = std::exchange(faults_, {});
  const size_t bytes = pending.size() * sizeof(FaultWord);
  if (bytes > 0) check(cudaMemcpyAsync(found_faults_, fault_words_, bytes, cudaMemcpyDeviceToHost, stream_));
  check(cudaStreamSynchronize(stream_));
  std::vector<Fault> faults;
  bool found = false;
  for (size_t i = 0; i < pending.size(); ++i) {
    const FaultWord word = found_faults_[i];
    faults.push_back({pending[i].kind, ""});
    if (word == kNoFault) continue;
    found = true;
    faults[i].message = pending[i].describe(static_cast<int64_t>(word >> 32), static_cast<int32_t>(word));
  }
  if (found) check(cudaMemsetAsync(fault_words_, kNoFaultByte, bytes, stream_));
  return faults;
}

}  // namespace nabla
