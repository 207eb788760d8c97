// Stores that go past the caches: for results so large that they would have left the cache before anybody reads them,
// and that a normal store would first read from memory.
#pragma once
#include <cstdint>
#include <cstring>

#include "cpu/simd/lanes.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace nabla::NABLA_ISA {

constexpr int64_t kCacheLine = 64;
// Outputs from this size on are streamed. About half of a last-level cache: smaller ones are often read again from it.
constexpr int64_t kStreamBytes = int64_t{16} << 20;

NABLA_INLINE bool whole_cache_lines(const void* p, int64_t bytes) {
  return (reinterpret_cast<uintptr_t>(p) | static_cast<uintptr_t>(bytes)) % kCacheLine == 0;
}

// Copies whole, aligned cache lines. Other threads see them after stream_fence().
NABLA_INLINE void stream_copy(void* target, const void* source, int64_t bytes) {
  char* to = static_cast<char*>(target);
  const char* from = static_cast<const char*>(source);
#if defined(NABLA_ISA_AVX512)
  for (int64_t i = 0; i < bytes; i += 64) {
    _mm512_stream_si512(reinterpret_cast<__m512i*>(to + i), _mm512_loadu_si512(from + i));
  }
#elif defined(NABLA_ISA_AVX2)
  for (int64_t i = 0; i < bytes; i += 32) {
    _mm256_stream_si256(reinterpret_cast<__m256i*>(to + i),
                        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + i)));
  }
#elif defined(__SSE2__)
  for (int64_t i = 0; i < bytes; i += 16) {
    _mm_stream_si128(reinterpret_cast<__m128i*>(to + i), _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i)));
  }
#else
  std::memcpy(to, from, bytes);
#endif
}

// A whole vector at an address that is a multiple of its size.
template <typename T>
NABLA_INLINE void stream_store(T* p, Vec<T> v) {
#if defined(NABLA_ISA_AVX512)
  _mm512_stream_si512(reinterpret_cast<__m512i*>(p), reinterpret_cast<__m512i>(v.v));
#elif defined(NABLA_ISA_AVX2)
  _mm256_stream_si256(reinterpret_cast<__m256i*>(p), reinterpret_cast<__m256i>(v.v));
#else
  v.store(p);
#endif
}

// AllLanes (simd/lanes.h) whose stores go past the caches.
template <typename T>
struct StreamedLanes : AllLanes<T> {
  NABLA_INLINE void store(T* p, Vec<T> v) const { stream_store(p, v); }
};

// for_lanes over [0, n), where `out` is what the body stores to: past the caches if the tensor is large and the row's
// place allows it.
template <typename T, typename Body>
NABLA_INLINE void for_streamed_lanes(bool large, const T* out, int64_t n, Body&& body) {
  if (large && whole_cache_lines(out, n * static_cast<int64_t>(sizeof(T)))) {
    for (int64_t j = 0; j < n; j += Vec<T>::width) body(j, StreamedLanes<T>{});
  } else {
    for_lanes<T>(0, n, body);
  }
}

NABLA_INLINE void stream_fence() {
#if defined(__SSE2__)
  _mm_sfence();
#endif
}

}  // namespace nabla::NABLA_ISA
