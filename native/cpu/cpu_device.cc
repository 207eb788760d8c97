#include "cpu/cpu_device.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>

#if defined(__linux__)
#include <sys/mman.h>
#endif
#if defined(_WIN32)
#include <malloc.h>
#include <windows.h>
#else
#include <unistd.h>
#endif

namespace nabla {
namespace {

constexpr size_t kCacheLine = 64;

// Two pinned pools in one process would share CPUs while others idle.
std::atomic<bool> pool_is_pinned{false};

bool claim_pinning(bool pin) { return pin && !pool_is_pinned.exchange(true); }

#if defined(_WIN32)

size_t physical_memory() {
  MEMORYSTATUSEX status = {};
  status.dwLength = sizeof(status);
  return GlobalMemoryStatusEx(&status) ? static_cast<size_t>(status.ullTotalPhys) : size_t{8} << 30;
}

#else

size_t read_limit(const char* path) {
  size_t value = 0;
  if (std::FILE* file = std::fopen(path, "r")) {
    if (std::fscanf(file, "%zu", &value) != 1) value = 0;  // the file says "max" where there is no limit
    std::fclose(file);
  }
  return value;
}

// What the machine has, or less where a container is limited.
size_t physical_memory() {
  size_t memory = static_cast<size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const char* const paths[] = {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"};
  for (const char* path : paths) {
    const size_t limit = read_limit(path);
    if (limit != 0) memory = std::min(memory, limit);
  }
  return memory;
}

#endif

}  // namespace

#if defined(_WIN32)

// Without huge pages, which need a privilege there.
void* CpuMemory::take(size_t bytes) { return _aligned_malloc(bytes, kCacheLine); }

void CpuMemory::give_back(void* data) { _aligned_free(data); }

#else

// From here on blocks begin at huge-page boundaries and ask for huge pages: fewer page faults and TLB misses.
[[maybe_unused]] constexpr size_t kHugePage = size_t{2} << 20;

void* CpuMemory::take(size_t bytes) {
#if defined(__SANITIZE_ADDRESS__)
  // Of just the size that was asked for, so that AddressSanitizer sees each access beyond it.
  void* data = nullptr;
  return posix_memalign(&data, kCacheLine, bytes) == 0 ? data : nullptr;
#else
  const size_t alignment = bytes >= kHugePage ? kHugePage : kCacheLine;
  void* const data = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
#if defined(__linux__)
  if (data && bytes >= kHugePage) madvise(data, bytes, MADV_HUGEPAGE);
#endif
  return data;
#endif
}

void CpuMemory::give_back(void* data) { std::free(data); }

#endif

size_t CpuMemory::default_limit() { return physical_memory() / 10 * 9; }

CpuDevice::CpuDevice(Isa isa, int threads, bool pin)
    : kernels_(kernel_table(isa)), pin_(claim_pinning(pin)), pool_(threads, pin_) {}

CpuDevice::~CpuDevice() {
  if (pin_) pool_is_pinned.store(false);
}

}  // namespace nabla
