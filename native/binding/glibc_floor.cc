// Lets an addon that was built on a current Linux load on one as old as Node 20 itself demands (glibc 2.28). glibc
// keeps the old versions of its functions; the linker would bind to the newest. CMakeLists.txt passes --wrap for each
// name here, so that calls from everywhere, libstdc++ included, come to __wrap_name, which asks for the old version.
// scripts/prebuild.mjs proves that nothing newer is left.
#include <cstdlib>  // defines __GLIBC__

#if defined(__GLIBC__) && defined(__x86_64__)

#include <pthread.h>
#include <sched.h>

#define NABLA_OLD(result, name, version, parameters, arguments) \
  result old_##name parameters; \
  __asm__(".symver old_" #name ", " #name "@" version); \
  result __wrap_##name parameters; \
  result __wrap_##name parameters { return old_##name arguments; }

extern "C" {

// Moved from libpthread into libc in 2.34, and so given a new version.
NABLA_OLD(int, pthread_create, "GLIBC_2.2.5",
          (pthread_t * thread, const pthread_attr_t* attributes, void* (*start)(void*), void* argument),
          (thread, attributes, start, argument))
NABLA_OLD(int, pthread_join, "GLIBC_2.2.5", (pthread_t thread, void** result), (thread, result))
NABLA_OLD(int, pthread_once, "GLIBC_2.2.5", (pthread_once_t * once, void (*initialize)()), (once, initialize))
NABLA_OLD(int, pthread_setaffinity_np, "GLIBC_2.3.4", (pthread_t thread, size_t size, const cpu_set_t* cpus),
          (thread, size, cpus))
NABLA_OLD(int, __pthread_key_create, "GLIBC_2.2.5", (pthread_key_t * key, void (*destroy)(void*)), (key, destroy))
// New in 2.29, without the error handling of SVID; the values are the same.
NABLA_OLD(double, exp, "GLIBC_2.2.5", (double x), (x))
NABLA_OLD(double, log, "GLIBC_2.2.5", (double x), (x))
NABLA_OLD(double, pow, "GLIBC_2.2.5", (double x, double y), (x, y))

// Since 2.32. It allows libstdc++ to count references without atomics while there is one thread; there never is.
__attribute__((visibility("hidden"))) char __libc_single_threaded = 0;

}  // extern "C"

#endif
