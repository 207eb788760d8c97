// What kernels call: built-in variables, barriers, warp operations, atomics. A thread of a block is a fiber; see
// block.h for what runs them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "vector_types.h"

// Thread-local variables, set whenever a fiber goes on. __thread: no initialiser to ask for at every use.
#define NABLA_EMULATOR_BUILTIN extern __thread uint3 __attribute__((tls_model("initial-exec")))
NABLA_EMULATOR_BUILTIN threadIdx;
NABLA_EMULATOR_BUILTIN blockIdx;
NABLA_EMULATOR_BUILTIN blockDim;
NABLA_EMULATOR_BUILTIN gridDim;
#undef NABLA_EMULATOR_BUILTIN
constexpr int warpSize = 32;

namespace emulator {

// A place in a kernel's source.
struct Site {
  const char* file;
  int line;
};
// Last parameters whose defaults are the place of the call.
#define NABLA_EMULATOR_SITE const char *site_file = __builtin_FILE(), int site_line = __builtin_LINE()
#define NABLA_EMULATOR_HERE \
  ::emulator::Site { site_file, site_line }

void* shared_array(const void* key, size_t bytes, size_t alignment, const char* name);
unsigned char* dynamic_shared();

void sync_threads(Site site);
void sync_warp(unsigned mask, Site site);

// The arguments and results of a warp's lanes; only those in `mask` are set.
struct Lanes {
  unsigned mask;
  const void* in[32];
  void* out[32];
  template <typename T>
  const T& input(int lane) const {
    return *static_cast<const T*>(in[lane]);
  }
  template <typename T>
  T& output(int lane) const {
    return *static_cast<T*>(out[lane]);
  }
  bool has(int lane) const { return mask >> lane & 1; }
};
// Waits until all lanes of `mask` have called it from one place. The last one gets everybody's arguments, and gives
// them back with warp_done(); the others get null when it has.
Lanes* warp_arrive(unsigned mask, const char* operation, const void* in, void* out, Site site);
void warp_done(Lanes* lanes);

// An operation of a warp: every lane passes its input, and the last one to arrive calls compute(lanes), which reads
// lanes.input<In>(i) and sets lanes.output<Out>(i) for all. Orders no memory.
template <typename Out, typename In, typename Compute>
Out warp_collective(unsigned mask, const char* operation, const In& in, Compute compute, Site site) {
  Out out{};
  if (Lanes* lanes = warp_arrive(mask, operation, &in, &out, site)) {
    compute(static_cast<const Lanes&>(*lanes));
    warp_done(lanes);
  }
  return out;
}

// Copies of 16 bytes from global to shared memory that are only there after the wait.
void cp_async(void* shared, const void* global, int bytes, int zeros);
inline void cp_async16(void* shared, const void* global, int bytes = 16) {
  cp_async(shared, global, bytes, 16 - bytes);
}
// 4 bytes, of which the first `bytes` (0 or 4) are read and the rest are zeros; the same for 8.
inline void cp_async4(void* shared, const void* global, int bytes = 4) { cp_async(shared, global, bytes, 4 - bytes); }
inline void cp_async8(void* shared, const void* global, int bytes = 8) { cp_async(shared, global, bytes, 8 - bytes); }
void cp_async_commit();
// Waits for all groups but the last n of this thread.
void cp_async_wait_at(int n, Site site);
inline void cp_async_wait(int n, NABLA_EMULATOR_SITE) { cp_async_wait_at(n, NABLA_EMULATOR_HERE); }

// Checks the address of an atomic operation.
void atomic_access(void* p, size_t bytes);

// Ends the kernel with an error.
[[noreturn]] void trap(Site site);
// A shuffle from a lane that does not take part.
[[noreturn]] void shuffle_fault(int lane, int source, Site site);

template <typename T>
struct Shuffle {
  T value;
  int parameter, width;
};

// source(lane, parameter, width): the lane whose value `lane` gets.
template <typename T, typename Source>
T shuffle(const char* operation, unsigned mask, T value, int parameter, int width, Source source, Site site) {
  // Shorter integers are shuffled as int, which changes no value.
  static_assert(std::is_integral_v<T> || (std::is_floating_point_v<T> && sizeof(T) <= 8),
                "CUDA shuffles 4 and 8 bytes");
  return warp_collective<T>(
      mask, operation, Shuffle<T>{value, parameter, width},
      [&](const Lanes& lanes) {
        for (int lane = 0; lane < 32; ++lane) {
          if (!lanes.has(lane)) continue;
          const Shuffle<T>& in = lanes.input<Shuffle<T>>(lane);
          const int from = source(lane, in.parameter, in.width);
          if (!lanes.has(from)) shuffle_fault(lane, from, site);
          lanes.output<T>(lane) = lanes.input<Shuffle<T>>(from).value;
        }
      },
      site);
}

}  // namespace emulator

inline void __syncthreads(NABLA_EMULATOR_SITE) { emulator::sync_threads(NABLA_EMULATOR_HERE); }
inline void __syncwarp(unsigned mask = 0xffffffffu, NABLA_EMULATOR_SITE) {
  emulator::sync_warp(mask, NABLA_EMULATOR_HERE);
}

template <typename T>
T __shfl_sync(unsigned mask, T value, int lane, int width = 32, NABLA_EMULATOR_SITE) {
  return emulator::shuffle(
      "__shfl_sync", mask, value, lane, width,
      [](int me, int from, int w) { return (me & ~(w - 1)) | (from & (w - 1)); }, NABLA_EMULATOR_HERE);
}
template <typename T>
T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32, NABLA_EMULATOR_SITE) {
  return emulator::shuffle(
      "__shfl_xor_sync", mask, value, bits, width,
      [](int me, int b, int w) {
        const int from = me ^ b;
        // Lanes of later parts cannot be reached, those of earlier ones can.
        return (from & ~(w - 1)) > (me & ~(w - 1)) ? me : from;
      },
      NABLA_EMULATOR_HERE);
}
template <typename T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32, NABLA_EMULATOR_SITE) {
  return emulator::shuffle(
      "__shfl_down_sync", mask, value, static_cast<int>(delta), width,
      [](int me, int by, int w) { return (me & (w - 1)) + by < w ? me + by : me; }, NABLA_EMULATOR_HERE);
}
template <typename T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32, NABLA_EMULATOR_SITE) {
  return emulator::shuffle(
      "__shfl_up_sync", mask, value, static_cast<int>(delta), width,
      [](int me, int by, int w) { return (me & (w - 1)) >= by ? me - by : me; }, NABLA_EMULATOR_HERE);
}

inline unsigned __ballot_sync(unsigned mask, int predicate, NABLA_EMULATOR_SITE) {
  return emulator::warp_collective<unsigned>(
      mask, "__ballot_sync", predicate,
      [](const emulator::Lanes& lanes) {
        unsigned votes = 0;
        for (int lane = 0; lane < 32; ++lane) {
          if (lanes.has(lane) && lanes.input<int>(lane)) votes |= 1u << lane;
        }
        for (int lane = 0; lane < 32; ++lane) {
          if (lanes.has(lane)) lanes.output<unsigned>(lane) = votes;
        }
      },
      NABLA_EMULATOR_HERE);
}
inline int __any_sync(unsigned mask, int predicate, NABLA_EMULATOR_SITE) {
  return __ballot_sync(mask, predicate, site_file, site_line) != 0;
}
inline int __all_sync(unsigned mask, int predicate, NABLA_EMULATOR_SITE) {
  return __ballot_sync(mask, predicate, site_file, site_line) == mask;
}

inline void __trap(NABLA_EMULATOR_SITE) { emulator::trap(NABLA_EMULATOR_HERE); }

// Blocks run on several OS threads, so atomics are real ones; -fsanitize=thread leaves these functions alone.
#define NABLA_EMULATOR_ATOMIC __attribute__((no_sanitize_thread)) inline
template <typename T>
NABLA_EMULATOR_ATOMIC T emulator_atomic_min(T* address, T value) {
  emulator::atomic_access(address, sizeof *address);
  T old = __atomic_load_n(address, __ATOMIC_RELAXED);
  while (value < old && !__atomic_compare_exchange_n(address, &old, value, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
  }
  return old;
}
NABLA_EMULATOR_ATOMIC unsigned long long atomicMin(unsigned long long* address, unsigned long long value) {
  return emulator_atomic_min(address, value);
}
NABLA_EMULATOR_ATOMIC int atomicMin(int* address, int value) { return emulator_atomic_min(address, value); }
NABLA_EMULATOR_ATOMIC unsigned atomicMin(unsigned* address, unsigned value) {
  return emulator_atomic_min(address, value);
}
NABLA_EMULATOR_ATOMIC int atomicAdd(int* address, int value) {
  emulator::atomic_access(address, sizeof *address);
  return __atomic_fetch_add(address, value, __ATOMIC_RELAXED);
}
NABLA_EMULATOR_ATOMIC unsigned atomicAdd(unsigned* address, unsigned value) {
  emulator::atomic_access(address, sizeof *address);
  return __atomic_fetch_add(address, value, __ATOMIC_RELAXED);
}
NABLA_EMULATOR_ATOMIC unsigned long long atomicAdd(unsigned long long* address, unsigned long long value) {
  emulator::atomic_access(address, sizeof *address);
  return __atomic_fetch_add(address, value, __ATOMIC_RELAXED);
}
NABLA_EMULATOR_ATOMIC int atomicCAS(int* address, int expected, int value) {
  emulator::atomic_access(address, sizeof *address);
  __atomic_compare_exchange_n(address, &expected, value, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
  return expected;
}
NABLA_EMULATOR_ATOMIC unsigned atomicCAS(unsigned* address, unsigned expected, unsigned value) {
  emulator::atomic_access(address, sizeof *address);
  __atomic_compare_exchange_n(address, &expected, value, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
  return expected;
}
#undef NABLA_EMULATOR_ATOMIC
