// Kernels whose machine code is known: scripts/cuda-gates.mjs checks on them that it reads cubins right.
#include <cstdint>

namespace nabla_probe {

__global__ void __launch_bounds__(64) load_128(const float4* a, float4* b) { b[threadIdx.x] = a[threadIdx.x]; }
__global__ void __launch_bounds__(64) load_32(const float* a, float* b) { b[threadIdx.x] = a[threadIdx.x]; }

// One LDS.128, no LDG.128, 40 FFMA.
__global__ void __launch_bounds__(32) shared_128(const float* a, float* b, int lane) {
  __shared__ float4 tile[32];
  tile[threadIdx.x] = make_float4(a[0], a[1], a[2], a[3]);
  __syncthreads();
  const float4 x = tile[threadIdx.x ^ lane];
  float sum = x.x;
#pragma unroll
  for (int i = 0; i < 40; ++i) sum = fmaf(sum, x.y, x.z + x.w);
  b[threadIdx.x] = sum;
}

// An array with an index that is not known keeps local memory.
__global__ void __launch_bounds__(32) local_array(const float* a, float* b, int place) {
  float x[64];
  for (int i = 0; i < 64; ++i) x[i * place % 64] = a[i];
  b[0] = x[place] + x[place + 1];
}

// From sm_80 on one LDGSTS and 16 HMMA.
__global__ void __launch_bounds__(32) tensor_core(const float* a, uint32_t* bits, float* c) {
#if __CUDA_ARCH__ >= 800
  __shared__ float4 tile[32];
  const unsigned to = static_cast<unsigned>(__cvta_generic_to_shared(&tile[threadIdx.x]));
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to), "l"(a + 4 * threadIdx.x));
  asm volatile("cp.async.commit_group;");
  asm volatile("cp.async.wait_group 0;");
  __syncthreads();
  const float4 x = tile[threadIdx.x ^ 1];
  float s0 = x.x, s1 = x.y, s2 = x.z, s3 = x.w;
  const uint32_t f0 = bits[threadIdx.x], f1 = bits[threadIdx.x + 32];
#pragma unroll
  for (int i = 0; i < 16; ++i) {
    asm volatile(
        "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %4, %5}, {%4, %5}, {%0, %1, %2, "
        "%3};"
        : "+f"(s0), "+f"(s1), "+f"(s2), "+f"(s3)
        : "r"(f0), "r"(f1));
  }
  c[threadIdx.x] = s0 + s1 + s2 + s3;
#else
  c[threadIdx.x] = a[0] + static_cast<float>(bits[0]);
#endif
}

}  // namespace nabla_probe
