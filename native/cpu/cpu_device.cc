#include "cpu/cpu_device.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>

#if defined(__linux__)
#include <sys/mman.h>
#endif
#if !defined(_WIN32)
#include <unistd.h>
#endif

namespace nabla {
namespace {

// From here on blocks begin at huge-page boundaries and ask for huge pages: fewer page faults and TLB misses.
constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kCacheLine = 64;

// Two pinned pools in one process would share CPUs while others idle.
std::atomic<bool> pool_is_pinned{false};

bool claim_pinning(bool pin) { return pin && !pool_is_pinned.exchange(true); }

size_t read_limit(const char* path) {
  size_t value = 0;
  if (std::FILE* file = std::fopen(path, "r")) {
    if (std::fscanf(file, "%zu", &value) != 1) value = 0;  // the file says "max" where there is no limit
    std::fclose(file);
  }
  return value;
}

}  // namespace

#if defined(__SANITIZE_ADDRESS__)
// Of just the size that was asked for, so that AddressSanitizer sees each access beyond it.
void* CpuMemory::take(size_t bytes) {
  void* data = nullptr;
  return posix_memalign(&data, kCacheLine, bytes) == 0 ? data : nullptr;
}
#else
void* CpuMemory::take(size_t bytes) {
  const size_t alignment = bytes >= kHugePage ? kHugePage : kCacheLine;
  void* const data = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
#if defined(__linux__)
  if (data && bytes >= kHugePage) madvise(data, bytes, MADV_HUGEPAGE);
#endif
  return data;
}
#endif

void CpuMemory::give_back(void* data) { std::free(data); }

size_t CpuMemory::default_limit() {
  size_t memory = size_t{8} << 30;
#if !defined(_WIN32)
  memory = static_cast<size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<size_t>(sysconf(_SC_PAGESIZE));
#endif
  const char* const paths[] = {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"};
  for (const char* path : paths) {
    const size_t limit = read_limit(path);
    if (limit != 0) memory = std::min(memory, limit);
  }
  return memory / 10 * 9;
}

CpuDevice::CpuDevice(Isa isa, int threads, bool pin)
    : kernels_(kernel_table(isa)), pin_(claim_pinning(pin)), pool_(threads, pin_) {}

CpuDevice::~CpuDevice() {
  if (pin_) pool_is_pinned.store(false);
}

}  // namespace nabla
