// Occupancy of kernels by NVIDIA's own rules (cuda_occupancy.h of the toolkit), for scripts/cuda-gates.mjs. Each line
// of input is a kernel on a machine: its architecture, threads of a block, registers of a thread, static and dynamic
// shared bytes. For each, a line of output: the warps that a multiprocessor holds, and the most that it can hold.
#include <cuda_occupancy.h>

#include <cstdio>

namespace {

// What a multiprocessor of an architecture has: CUDA C++ Programming Guide, "Technical Specifications per Compute
// Capability". All have 64 K registers.
struct Machine {
  int architecture, threads;
  size_t shared_kib, reserved_bytes;
};
constexpr Machine kMachines[] = {
    {75, 1024, 64, 0}, {80, 2048, 164, 1024}, {90, 2048, 228, 1024}, {100, 2048, 228, 1024}, {120, 1536, 100, 1024}};

bool occupancy(const Machine& machine, int threads, int registers, size_t shared, size_t dynamic, int* warps) {
  cudaOccDeviceProp device;
  device.computeMajor = machine.architecture / 10;
  device.computeMinor = machine.architecture % 10;
  device.maxThreadsPerBlock = 1024;
  device.maxThreadsPerMultiprocessor = machine.threads;
  device.regsPerBlock = device.regsPerMultiprocessor = 65536;
  device.warpSize = 32;
  device.sharedMemPerBlock = 49152;
  device.sharedMemPerMultiprocessor = machine.shared_kib << 10;
  device.sharedMemPerBlockOptin = (machine.shared_kib << 10) - machine.reserved_bytes;
  device.reservedSharedMemPerBlock = machine.reserved_bytes;
  device.numSms = 1;
  cudaOccFuncAttributes kernel;
  kernel.maxThreadsPerBlock = threads;
  kernel.numRegs = registers;
  kernel.sharedSizeBytes = shared;
  kernel.shmemLimitConfig = FUNC_SHMEM_LIMIT_OPTIN;
  kernel.maxDynamicSharedSizeBytes = dynamic;
  kernel.numBlockBarriers = 1;
  cudaOccDeviceState state;
  state.carveoutConfig = SHAREDMEM_CARVEOUT_MAX_SHARED;
  cudaOccResult result;
  if (cudaOccMaxActiveBlocksPerMultiprocessor(&result, &device, &kernel, &state, threads, dynamic) !=
      CUDA_OCC_SUCCESS) {
    return false;
  }
  *warps = result.activeBlocksPerMultiprocessor * ((threads + 31) / 32);
  return true;
}

}  // namespace

int main() {
  int architecture, threads, registers;
  size_t shared, dynamic;
  while (std::scanf("%d %d %d %zu %zu", &architecture, &threads, &registers, &shared, &dynamic) == 5) {
    const Machine* machine = nullptr;
    for (const Machine& m : kMachines) {
      if (m.architecture == architecture) machine = &m;
    }
    int warps = 0;
    if (!machine || !occupancy(*machine, threads, registers, shared, dynamic, &warps)) {
      std::fprintf(stderr, "occupancy: cannot tell for sm_%d with %d threads\n", architecture, threads);
      return 1;
    }
    std::printf("%d %d\n", warps, machine->threads / 32);
  }
}
