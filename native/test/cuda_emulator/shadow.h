// What the checked build knows about every byte that kernels can reach: whether it may be touched, whether anything was
// ever written there, and who wrote and read it last. In the fast build nothing is recorded.
#pragma once
#include <cstddef>
#include <cstdint>

#include "clock.h"

namespace emulator {

class Block;

namespace shadow {

#if defined(NABLA_EMULATOR_CHECKED)
// Memory to watch. Nothing of it may be touched before allow().
void add_region(const void* begin, size_t bytes);
void remove_region(const void* begin);
void allow(const void* p, size_t bytes);
void forbid(const void* p, size_t bytes);

// A piece of a stream's work begins: what is ordered before it, by streams and events, cannot race with it.
void begin_work(const Clock& clock);
// All work up to now is ordered before any that follows.
void all_done();
void begin_block(Block& block);
// The block's barrier: everything before it is ordered before everything after.
void begin_interval();

// --- what kernels do; pc: the place in the code ---
void read(const void* p, size_t bytes, const void* pc);
void write(const void* p, size_t bytes, const void* pc);
void atomic(const void* p, size_t bytes, const void* pc);
// cp.async, and its arrival: in between nobody may read the target.
void departs(const void* to, size_t bytes, const void* from, size_t source_bytes, const void* pc);
void arrived(const void* to, size_t bytes, const void* pc);
// --- copies and memset ---
void copied_to(const void* p, size_t bytes);
void copied_from(const void* p, size_t bytes);
#else
inline void add_region(const void*, size_t) {}
inline void remove_region(const void*) {}
inline void allow(const void*, size_t) {}
inline void forbid(const void*, size_t) {}
inline void begin_work(const Clock&) {}
inline void all_done() {}
inline void begin_block(Block&) {}
inline void begin_interval() {}
inline void atomic(const void*, size_t, const void*) {}
inline void departs(const void*, size_t, const void*, size_t, const void*) {}
inline void arrived(const void*, size_t, const void*) {}
inline void copied_to(const void*, size_t) {}
inline void copied_from(const void*, size_t) {}
#endif

}  // namespace shadow
}  // namespace emulator
