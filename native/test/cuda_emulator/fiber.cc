#include "fiber.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace emulator {

namespace {
size_t guard_bytes() { return static_cast<size_t>(sysconf(_SC_PAGESIZE)); }
}  // namespace

char* new_stack() {
  const size_t guard = guard_bytes();
  void* p =
      mmap(nullptr, kStackBytes + guard, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED || mprotect(p, guard, PROT_NONE)) {
    std::perror("emulator: no memory for a thread's stack");
    std::abort();
  }
  return static_cast<char*>(p) + guard;
}

void delete_stack(char* stack) { munmap(stack - guard_bytes(), kStackBytes + guard_bytes()); }

#if defined(__x86_64__)

// The callee-saved registers go on the stack, the stack pointer into *rdi; then the same backwards from rsi.
asm(R"(
  .text
  .globl nabla_emulator_switch
  .hidden nabla_emulator_switch
  .type nabla_emulator_switch, @function
nabla_emulator_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
  .size nabla_emulator_switch, .-nabla_emulator_switch
)");
extern "C" void nabla_emulator_switch(void** from, void* to);

void start_context(Context& context, char* stack, void (*entry)()) {
  void** top = reinterpret_cast<void**>(stack + kStackBytes);
  *--top = nullptr;  // where entry would return to; also leaves the stack as after a call
  *--top = reinterpret_cast<void*>(entry);
  for (int i = 0; i < 6; ++i) *--top = nullptr;
  context.stack_pointer = top;
}

void switch_context(Context& from, Context& to) { nabla_emulator_switch(&from.stack_pointer, to.stack_pointer); }

#else

void start_context(Context& context, char* stack, void (*entry)()) {
  getcontext(&context.place);
  context.place.uc_stack.ss_sp = stack;
  context.place.uc_stack.ss_size = kStackBytes;
  context.place.uc_link = nullptr;
  makecontext(&context.place, entry, 0);
}

void switch_context(Context& from, Context& to) { swapcontext(&from.place, &to.place); }

#endif

}  // namespace emulator
