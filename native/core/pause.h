// Tells the CPU that this thread is spinning, so that its sibling gets the core and it leaves the loop quickly.
#pragma once
#include "core/inline.h"

namespace nabla {

NABLA_HOST_INLINE void pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

}  // namespace nabla
