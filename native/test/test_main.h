// A tiny test harness. Each test file is a program: NABLA_TEST(name) { CHECK(...); } and NABLA_TEST_MAIN at its end.
#pragma once
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "core/checks.h"
#include "cpu/isa.h"
#if defined(NABLA_ISA_CUDA)
#include "cuda_emulator/test_api.h"
#endif

namespace nabla_test {

struct Test {
  const char* name;
  void (*run)();
};
inline std::vector<Test>& tests() {
  static std::vector<Test> list;
  return list;
}
struct Register {
  Register(const char* name, void (*run)()) { tests().push_back({name, run}); }
};

struct Counts {
  int64_t checks = 0, failures = 0;
};
inline Counts& counts() {
  static Counts c;
  return c;
}
// True when the check holds; the first failures of a program are printed.
inline bool check(bool ok, const char* file, int line, const char* what) {
  ++counts().checks;
  if (!ok && counts().failures++ < 20) std::printf("%s:%d: failed: %s\n", file, line, what);
  return ok;
}
inline bool check_near(double got, double want, double tolerance, const char* file, int line, const char* what) {
  const bool same = got == want || (std::isnan(got) && std::isnan(want));
  const bool ok = same || std::fabs(got - want) <= tolerance;
  if (!check(ok, file, line, what)) {
    std::printf("    got %.17g, want %.17g, tolerance %.3g\n", got, want, tolerance);
  }
  return ok;
}

constexpr int kSkipped = 77;  // ctest's SKIP_RETURN_CODE in CMakeLists.txt

// Whether to run a case: on the emulator's checked build, which takes a hundred times as long as the fast one, every
// n-th of a test (n is a prime, so that it meets every value of the loops around it). The fast build runs them all.
inline int& cases_met() {
  static int met = 0;
  return met;
}
inline bool in_sample([[maybe_unused]] int n) {
#if defined(NABLA_EMULATOR_CHECKED)
  return cases_met()++ % n == 0;
#else
  return true;
#endif
}

#if !defined(NABLA_ISA_CUDA)
// Before the globals of a test are made, which may take instructions of its instruction set already.
__attribute__((constructor(101))) static void end_without_isa() {
#if defined(NABLA_ISA_AVX512)
  const nabla::Isa needed = nabla::Isa::avx512;
#elif defined(NABLA_ISA_AVX2)
  const nabla::Isa needed = nabla::Isa::avx2;
#elif defined(NABLA_ISA_NEON)
  const nabla::Isa needed = nabla::Isa::neon;
#else
  const nabla::Isa needed = nabla::Isa::scalar;
#endif
  if (nabla::has_isa(needed)) return;
  std::printf("not run: this CPU has no %s\n", nabla::isa_name(needed));
  std::exit(kSkipped);
}
#endif

// Runs the tests whose names contain `part`.
inline int run_all(const char* part) {
  int run = 0;
  for (const Test& test : tests()) {
    if (!std::strstr(test.name, part)) continue;
    ++run;
    const Counts before = counts();
    cases_met() = 0;
    const auto begin = std::chrono::steady_clock::now();
    try {
      test.run();
    } catch (const nabla::KernelError& error) {
      check(false, test.name, 0, error.message.c_str());
    }
    const int64_t checks = counts().checks - before.checks, failures = counts().failures - before.failures;
    std::printf("%s %s: %lld checks, %lld failures\n", failures || !checks ? "FAIL" : "ok", test.name,
                static_cast<long long>(checks), static_cast<long long>(failures));
#if defined(NABLA_ISA_CUDA)
    emulator::note_sites(test.name,
                         std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count());
#else
    static_cast<void>(begin);
#endif
    std::fflush(stdout);  // also for who stops the program later
    // A test that checks nothing proves nothing.
    if (!checks) ++counts().failures;
  }
  std::fflush(stdout);
  return counts().failures || run == 0 ? 1 : 0;
}

}  // namespace nabla_test

#define CHECK(condition) ::nabla_test::check(static_cast<bool>(condition), __FILE__, __LINE__, #condition)
#define CHECK_NEAR(got, want, tolerance) \
  ::nabla_test::check_near((got), (want), (tolerance), __FILE__, __LINE__, #got " near " #want)
#define NABLA_TEST(name) \
  static void name(); \
  static const ::nabla_test::Register register_##name(#name, name); \
  static void name()
#define NABLA_TEST_MAIN \
  int main(int count, char** arguments) { return ::nabla_test::run_all(count > 1 ? arguments[1] : ""); }
