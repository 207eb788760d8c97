#include "code_place.h"

#include <dlfcn.h>

#include <cstdint>
#include <cstdio>
#include <cstring>

namespace emulator {

std::string code_place(const void* pc) {
  if (!pc) return "a copy or memset";
  Dl_info info;
  const char* p = static_cast<const char*>(pc) - 1;  // in the call itself
  if (!dladdr(p, &info)) return "an unknown place";
  const auto offset = static_cast<size_t>(p - static_cast<const char*>(info.dli_fbase));
  char command[4200];
  // The addresses of programs that are not position-independent are absolute.
  std::snprintf(command, sizeof command, "addr2line -Cfspie '%s' 0x%zx 0x%zx 2>/dev/null", info.dli_fname, offset,
                reinterpret_cast<size_t>(p));
  FILE* lines = popen(command, "r");
  if (!lines) return "an unknown place";
  std::string found;
  char line[1000];
  int kept = 0;
  while (std::fgets(line, sizeof line, lines)) {
    if (std::strstr(line, "??") || kept == 3) continue;
    line[std::strcspn(line, "\n")] = 0;
    found += (kept++ ? " " : "") + std::string(line);
  }
  pclose(lines);
  char unknown[1000];
  std::snprintf(unknown, sizeof unknown, "%s+0x%zx", info.dli_fname, offset);
  return found.empty() ? unknown : found;
}

}  // namespace emulator
