#include "crash.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "block.h"

namespace emulator {

namespace {

// Not async-signal-safe, but the process is lost anyway and what it says is worth the risk.
void crashed(int number, siginfo_t* info, void*) {
  if (Block* block = current_block()) {
    std::fprintf(stderr, "emulator: crash: an access to %p (or, if misaligned, an unknown address) by %s\n",
                 info->si_addr, block->where().c_str());
  }
  std::signal(number, SIG_DFL);
}

}  // namespace

void catch_crashes() {
  static thread_local bool done = false;
  if (done) return;
  done = true;
  // A fiber that has overrun its stack has no room for the handler.
  constexpr size_t kBytes = size_t{64} << 10;
  stack_t stack = {};
  stack.ss_sp = std::malloc(kBytes);
  stack.ss_size = kBytes;
  sigaltstack(&stack, nullptr);
  struct sigaction action = {};
  action.sa_sigaction = crashed;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigaction(SIGSEGV, &action, nullptr);
  sigaction(SIGBUS, &action, nullptr);
}

}  // namespace emulator
