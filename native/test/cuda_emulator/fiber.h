// Threads of a block: stacks of their own, switched by hand. They never leave the OS thread that runs their block.
#pragma once
#include <cstddef>
#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace emulator {

constexpr size_t kStackBytes = size_t{64} << 10;

struct Context {
#if defined(__x86_64__)
  void* stack_pointer = nullptr;
#else
  ucontext_t place;
#endif
};

// `entry` starts at the first switch to the context, and must not return.
void start_context(Context& context, char* stack, void (*entry)());
void switch_context(Context& from, Context& to);

// A stack with a page below it that must not be touched.
char* new_stack();
void delete_stack(char* stack);

}  // namespace emulator
