// Errors that native code raises on the executor thread; the stream reports them at the next wait.
#pragma once
#include <string>

namespace nabla {

enum class ErrorKind : int { native = 0, out_of_memory = 1, index = 2 };

struct KernelError {
  ErrorKind kind;
  std::string message;  // without the op's name, which the stream puts in front
};

// printf-style; throws KernelError. Out of line, so that kernels carry no string code.
[[noreturn]] void kernel_error(ErrorKind kind, const char* format, ...) __attribute__((format(printf, 2, 3)));

// For what memory safety depends on and TypeScript has already checked.
#define NABLA_CHECK(condition, message) \
  do { \
    if (!(condition)) ::nabla::kernel_error(::nabla::ErrorKind::native, "%s", message); \
  } while (0)

}  // namespace nabla
