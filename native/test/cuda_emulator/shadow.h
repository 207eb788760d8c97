// What the checked build knows about every byte that kernels can reach. In the fast build nothing is recorded.
#pragma once
#include <cstddef>

namespace emulator {

class Block;

namespace shadow {

#if !defined(NABLA_EMULATOR_CHECKED)
inline void add_region(const void*, size_t) {}
inline void remove_region(const void*) {}
inline void allow(const void*, size_t, bool) {}
inline void forbid(const void*, size_t) {}
inline void begin_launch() {}
inline void copied_to(const void*, size_t) {}
inline void copied_from(const void*, size_t) {}
inline void begin_block(Block&) {}
inline void begin_interval() {}
inline void departs(const void*, size_t, const void*, size_t) {}
inline void arrived(const void*, size_t) {}
#endif

}  // namespace shadow
}  // namespace emulator
