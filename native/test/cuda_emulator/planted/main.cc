// Runs every program in a process of its own and looks at what the emulator says about it.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "core/checks.h"
#include "planted.h"

namespace planted {

std::vector<Program>& programs() {
  static std::vector<Program> list;
  return list;
}

void expect(bool right) {
  if (!right) std::fprintf(stderr, "emulator: wrong: the results\n");
}

namespace {

std::string output_of(const Program& program) {
  int ends[2];
  if (pipe(ends)) std::abort();
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], 2);
    close(ends[0]);
    close(ends[1]);
    try {
      program.run();
      check(cudaDeviceSynchronize());
    } catch (const nabla::KernelError& error) {
      std::fprintf(stderr, "emulator: error: %s\n", error.message.c_str());
    }
    std::_Exit(0);
  }
  close(ends[1]);
  std::string text;
  char buffer[4096];
  for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;) text.append(buffer, static_cast<size_t>(n));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (status) text += "\nemulator: crash: status " + std::to_string(status) + "\n";
  return text;
}

}  // namespace
}  // namespace planted

// With a name: only that program, with what it prints.
int main(int count, char** arguments) {
  int bugs = 0, good = 0, failures = 0;
  for (const planted::Program& program : planted::programs()) {
    if (count > 1 && std::string(arguments[1]) != program.name) continue;
    const std::string output = planted::output_of(program), kind = program.kind;
    const bool reported = output.find("emulator: ") != std::string::npos;
    const bool ok = kind.empty() ? !reported : output.find("emulator: " + kind + ":") != std::string::npos;
    (kind.empty() ? good : bugs) += 1;
    failures += !ok;
    std::printf("%s %s: %s\n", ok ? "ok" : "FAIL", program.name,
                ok ? kind.empty() ? "nothing to report" : kind.c_str()
                   : (kind.empty() ? "reported" : "not reported as " + kind).c_str());
    if (!ok || count > 1) std::printf("%s\n", output.c_str());
  }
  std::printf("%d wrong kernels, %d right ones, %d failures\n", bugs, good, failures);
  return failures || (count == 1 && (bugs < 20 || good < 8)) || bugs + good == 0;
}
