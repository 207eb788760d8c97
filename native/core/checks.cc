#include "core/checks.h"

#include <cstdarg>
#include <cstdio>

namespace nabla {

void kernel_error(ErrorKind kind, const char* format, ...) {
  char text[512];
  va_list args;
  va_start(args, format);
  std::vsnprintf(text, sizeof(text), format, args);
  va_end(args);
  throw KernelError{kind, text};
}

}  // namespace nabla
