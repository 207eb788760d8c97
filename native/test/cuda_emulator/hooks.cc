// What g++ calls in code compiled with -fsanitize=thread and -fsanitize=alignment,bounds. Linked without the
// sanitizers' own libraries, so the calls come here.
#include <cstddef>
#include <cstdint>

#include "block.h"
#include "settings.h"
#include "shadow.h"

using namespace emulator;

#define NABLA_EMULATOR_HOOK extern "C" __attribute__((visibility("default"))) void

#define NABLA_EMULATOR_ACCESS(prefix, bytes) \
  NABLA_EMULATOR_HOOK __tsan_##prefix##read##bytes(void* p) { shadow::read(p, bytes, __builtin_return_address(0)); } \
  NABLA_EMULATOR_HOOK __tsan_##prefix##write##bytes(void* p) { shadow::write(p, bytes, __builtin_return_address(0)); }
#define NABLA_EMULATOR_ACCESSES(prefix) \
  NABLA_EMULATOR_ACCESS(prefix, 1) \
  NABLA_EMULATOR_ACCESS(prefix, 2) \
  NABLA_EMULATOR_ACCESS(prefix, 4) \
  NABLA_EMULATOR_ACCESS(prefix, 8) \
  NABLA_EMULATOR_ACCESS(prefix, 16)
NABLA_EMULATOR_ACCESSES()
NABLA_EMULATOR_ACCESSES(unaligned_)
NABLA_EMULATOR_ACCESSES(volatile_)
NABLA_EMULATOR_ACCESSES(unaligned_volatile_)

NABLA_EMULATOR_HOOK __tsan_read_range(void* p, size_t bytes) { shadow::read(p, bytes, __builtin_return_address(0)); }
NABLA_EMULATOR_HOOK __tsan_write_range(void* p, size_t bytes) { shadow::write(p, bytes, __builtin_return_address(0)); }
NABLA_EMULATOR_HOOK __tsan_init() {}
NABLA_EMULATOR_HOOK __tsan_func_entry(void*) {}
NABLA_EMULATOR_HOOK __tsan_func_exit() {}
NABLA_EMULATOR_HOOK __tsan_vptr_update(void**, void*) {}
NABLA_EMULATOR_HOOK __tsan_vptr_read(void**) {}

// Atomics of the host code in kernel files (counters of shared pointers): what they say.
#define NABLA_EMULATOR_ATOMICS(bits, type) \
  extern "C" type __tsan_atomic##bits##_load(const volatile type* p, int) { return __atomic_load_n(p, 5); } \
  extern "C" void __tsan_atomic##bits##_store(volatile type* p, type x, int) { __atomic_store_n(p, x, 5); } \
  extern "C" type __tsan_atomic##bits##_exchange(volatile type* p, type x, int) { \
    return __atomic_exchange_n(p, x, 5); \
  } \
  extern "C" type __tsan_atomic##bits##_fetch_add(volatile type* p, type x, int) { \
    return __atomic_fetch_add(p, x, 5); \
  } \
  extern "C" type __tsan_atomic##bits##_fetch_sub(volatile type* p, type x, int) { \
    return __atomic_fetch_sub(p, x, 5); \
  } \
  extern "C" type __tsan_atomic##bits##_fetch_and(volatile type* p, type x, int) { \
    return __atomic_fetch_and(p, x, 5); \
  } \
  extern "C" type __tsan_atomic##bits##_fetch_or(volatile type* p, type x, int) { return __atomic_fetch_or(p, x, 5); } \
  extern "C" int __tsan_atomic##bits##_compare_exchange_strong(volatile type* p, type* expected, type x, int, int) { \
    return __atomic_compare_exchange_n(p, expected, x, false, 5, 5); \
  } \
  extern "C" int __tsan_atomic##bits##_compare_exchange_weak(volatile type* p, type* expected, type x, int, int) { \
    return __atomic_compare_exchange_n(p, expected, x, false, 5, 5); \
  }
NABLA_EMULATOR_ATOMICS(8, uint8_t)
NABLA_EMULATOR_ATOMICS(16, uint16_t)
NABLA_EMULATOR_ATOMICS(32, uint32_t)
NABLA_EMULATOR_ATOMICS(64, uint64_t)

// --- -fsanitize=alignment,bounds: called when the check has failed ------------------------------------------

namespace {

struct SourceLocation {
  const char* file;
  uint32_t line, column;
};
struct TypeDescriptor {
  uint16_t kind, info;
  char name[1];
};
struct TypeMismatch {
  SourceLocation place;
  const TypeDescriptor* type;
  unsigned char log_alignment, kind;
};
struct OutOfBounds {
  SourceLocation place;
  const TypeDescriptor *array, *index;
};

std::string who() { return current_block() ? current_block()->where() : "host code"; }
void end() {
  if (current_block()) current_block()->abandon();
}

}  // namespace

NABLA_EMULATOR_HOOK __ubsan_handle_type_mismatch_v1(TypeMismatch* data, uintptr_t p) {
  report("alignment", "an access to %s at %#zx, which is no multiple of %d, by %s\n    at %s:%u", data->type->name,
         static_cast<size_t>(p), 1 << data->log_alignment, who().c_str(), data->place.file, data->place.line);
  end();
}
NABLA_EMULATOR_HOOK __ubsan_handle_out_of_bounds(OutOfBounds* data, uintptr_t index) {
  report("bounds", "element %lld of an array of type %s, by %s\n    at %s:%u", static_cast<long long>(index),
         data->array->name, who().c_str(), data->place.file, data->place.line);
  end();
}
