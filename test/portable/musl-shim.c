// Bun for musl wants libstdc++.so.6, which Debian has for glibc alone. musl's loader takes that one where somebody has
// the functions that only glibc brings: this library does. The addon under test uses none of them.
#include <locale.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

char __libc_single_threaded = 0;
unsigned __cpu_model[4];
int __cpu_indicator_init(void) { return 0; }
// -1: not known, so that the unwinder asks dl_iterate_phdr.
int _dl_find_object(void* address, void* result) { return (void)address, (void)result, -1; }

uint32_t arc4random(void) {
  uint32_t bits;
  if (getrandom(&bits, sizeof(bits), 0) != sizeof(bits)) abort();
  return bits;
}

size_t __strftime_l(char* text, size_t size, const char* format, const struct tm* time, locale_t locale) {
  return strftime_l(text, size, format, time, locale);
}

typedef struct Destructor {
  void (*run)(void*);
  void* object;
  struct Destructor* next;
} Destructor;

static pthread_key_t destructors;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void run_destructors(void* first) {
  for (Destructor* at = first; at;) {
    Destructor* const next = at->next;
    at->run(at->object);
    free(at);
    at = next;
  }
}

static void make_key(void) { pthread_key_create(&destructors, run_destructors); }

int __cxa_thread_atexit_impl(void (*run)(void*), void* object, void* library) {
  (void)library;
  pthread_once(&once, make_key);
  Destructor* const added = malloc(sizeof(*added));
  if (!added) abort();
  *added = (Destructor){run, object, pthread_getspecific(destructors)};
  return pthread_setspecific(destructors, added);
}
