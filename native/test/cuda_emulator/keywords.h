// CUDA's keywords for g++. What kernels must not use (__shared__, __constant__) stays undefined on purpose.
#pragma once

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __grid_constant__
#define __align__(bytes) __attribute__((aligned(bytes)))

// An array that the threads of a block share. The address of the static variable tells call sites apart, and the
// instantiations of a template, as the real thing does.
#define SHARED(type, name, dims) \
  using name##_shared_type = type dims; \
  static char name##_shared_key; \
  auto& name = *static_cast<name##_shared_type*>( \
      ::emulator::shared_array(&name##_shared_key, sizeof(name##_shared_type), alignof(name##_shared_type), #name))
#define DYN_SHARED(name) unsigned char* const name = ::emulator::dynamic_shared()
