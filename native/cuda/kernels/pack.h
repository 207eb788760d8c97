// 16 bytes of neighbours, which one instruction loads or stores.
#pragma once
#include <cstdint>

namespace nabla::cuda {

template <typename T>
struct alignas(16) Pack {
  static constexpr int size = 16 / sizeof(T);
  T value[size];
};

inline bool packable(const void* data) { return reinterpret_cast<uintptr_t>(data) % 16 == 0; }

}  // namespace nabla::cuda
