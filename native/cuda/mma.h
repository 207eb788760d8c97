// Tensor cores and asynchronous copies, of compute capability 8.0 and more: the host chooses kernels that use them by
// Queue::capability(). Each wrapper has both worlds side by side; the emulator's half of what needs a whole warp or the
// order of copies is in namespace emulator (native/test/cuda_emulator).
//
// Fragments, by lane = 4 * g + t (g: 0..7, t: 0..3), as (row, column); PTX ISA, "Matrix fragments for mma.m16n8k8" and
// "... mma.m16n8k16":
//   C, both shapes, float:  c[0] (g, 2t)    c[1] (g, 2t+1)    c[2] (g+8, 2t)  c[3] (g+8, 2t+1)
//   A, k8, tf32:            a[0] (g, t)     a[1] (g+8, t)     a[2] (g, t+4)   a[3] (g+8, t+4)
//   B, k8, tf32:            b[0] (t, g)     b[1] (t+4, g)
//   A, k16, 16-bit pairs:   a[0] (g, 2t..)  a[1] (g+8, 2t..)  a[2] (g, 2t+8..)  a[3] (g+8, 2t+8..)   pairs along k,
//   B, k16, 16-bit pairs:   b[0] (2t.., g)  b[1] (2t+8.., g)                         the lesser k in the low half
#pragma once
#include <cstring>

#include "cuda/fold.h"

namespace nabla::cuda {

// The bits of x rounded to tf32 (10 bits of fraction): to nearest, ties away from zero.
__device__ __forceinline__ uint32_t round_tf32(float x) {
  uint32_t bits = 0;
#if defined(NABLA_CUDA_EMULATOR)
  memcpy(&bits, &x, sizeof bits);
  const uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return 0x7fffffffu;
  if (magnitude < 0x7f800000u) bits = (bits + 0x1000u) & ~0x1fffu;
#elif __CUDA_ARCH__ >= 800
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
#else
  __trap();
#endif
  return bits;
}

// c += a @ b of a warp's fragments; all 32 lanes take part. float32 bits are taken as tf32 by dropping fraction bits.
__device__ __forceinline__ void mma_m16n8k8_tf32(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
#if defined(NABLA_CUDA_EMULATOR)
  emulator::mma_m16n8k8_tf32(c, a, b);
#elif __CUDA_ARCH__ >= 800
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, "
      "%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  __trap();
#endif
}

__device__ __forceinline__ void mma_m16n8k16_bf16(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
#if defined(NABLA_CUDA_EMULATOR)
  emulator::mma_m16n8k16_bf16(c, a, b);
#elif __CUDA_ARCH__ >= 800
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, "
      "%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  __trap();
#endif
}

__device__ __forceinline__ void mma_m16n8k16_f16(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
#if defined(NABLA_CUDA_EMULATOR)
  emulator::mma_m16n8k16_f16(c, a, b);
#elif __CUDA_ARCH__ >= 800
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, "
      "%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  __trap();
#endif
}

// Four matrices of 8 x 8 16-bit elements from shared memory; all 32 lanes take part. Lane 8 * i + r gives the address
// of row r of matrix i, aligned to 16 bytes. d[i] of lane 4 * g + t: elements 2t and 2t+1 of row g of matrix i, or, if
// transposed, of column g: the fragments of A from rows along k, and of B from rows along n.
template <bool kTransposed>
__device__ __forceinline__ void load_matrices(uint32_t (&d)[4], const void* row) {
#if defined(NABLA_CUDA_EMULATOR)
  const unsigned lane = threadIdx.x % kWarp, g = lane / 4, t = lane % 4;
  for (unsigned i = 0; i < 4; ++i) {
    const auto address = reinterpret_cast<unsigned long long>(row);
    if (kTransposed) {
      const unsigned long long low = __shfl_sync(kFullMask, address, static_cast<int>(8 * i + 2 * t));
      const unsigned long long high = __shfl_sync(kFullMask, address, static_cast<int>(8 * i + 2 * t + 1));
      d[i] = reinterpret_cast<const uint16_t*>(low)[g] |
             static_cast<uint32_t>(reinterpret_cast<const uint16_t*>(high)[g]) << 16;
    } else {
      const unsigned long long own = __shfl_sync(kFullMask, address, static_cast<int>(8 * i + g));
      const uint16_t* pair = reinterpret_cast<const uint16_t*>(own) + 2 * t;
      d[i] = pair[0] | static_cast<uint32_t>(pair[1]) << 16;
    }
  }
#else
  const auto address = static_cast<unsigned>(__cvta_generic_to_shared(row));
  if (kTransposed) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(d[0]), "=r"(d[1]), "=r"(d[2]), "=r"(d[3])
                 : "r"(address)
                 : "memory");
  } else {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(d[0]), "=r"(d[1]), "=r"(d[2]), "=r"(d[3])
                 : "r"(address)
                 : "memory");
  }
#endif
}

// Begins to copy source_bytes (0 to 16) bytes to shared memory and zeros for the rest of 16; both addresses are
// multiples of 16. With 0 bytes, `global` is not read but must still be an address of the device.
__device__ __forceinline__ void cp_async16(void* shared, const void* global, int source_bytes = 16) {
#if defined(NABLA_CUDA_EMULATOR)
  emulator::cp_async16(shared, global, source_bytes);
#elif __CUDA_ARCH__ >= 800
  asm volatile(
      "cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(static_cast<unsigned>(__cvta_generic_to_shared(shared))),
      "l"(global), "r"(source_bytes)
      : "memory");
#else
  __trap();
#endif
}

// Ends a group: this thread's copies since the last one.
__device__ __forceinline__ void cp_async_commit() {
#if defined(NABLA_CUDA_EMULATOR)
  emulator::cp_async_commit();
#elif __CUDA_ARCH__ >= 800
  asm volatile("cp.async.commit_group;" ::: "memory");
#else
  __trap();
#endif
}

// Waits until at most `kGroups` of this thread's latest groups are on their way. Others see what they brought after a
// barrier.
#if defined(NABLA_CUDA_EMULATOR)
template <int kGroups>
void cp_async_wait(NABLA_EMULATOR_SITE) {
  emulator::cp_async_wait(kGroups, site_file, site_line);
}
#else
template <int kGroups>
__device__ __forceinline__ void cp_async_wait() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_group %0;" ::"n"(kGroups) : "memory");
#else
  __trap();
#endif
}
#endif

}  // namespace nabla::cuda
