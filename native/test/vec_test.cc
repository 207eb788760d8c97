// Vec<T> against element-wise C++, lane by lane; partial loads and stores stay within their bounds.
#include "cpu/simd/vec.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "cpu/simd/vec_int.h"
#include "test_main.h"

#if defined(__linux__)
#include <sys/mman.h>
#include <unistd.h>
#endif

namespace nabla::NABLA_ISA {
namespace {

template <typename T>
constexpr T kInf = std::numeric_limits<T>::infinity();
template <typename T>
constexpr T kNaN = std::numeric_limits<T>::quiet_NaN();

// All pairs of these numbers are tried.
template <typename T>
const std::vector<T>& numbers() {
  static const std::vector<T> list = {T(0),
                                      -T(0),
                                      T(1),
                                      T(-1),
                                      T(0.3),
                                      T(-2.5),
                                      T(1e6),
                                      kInf<T>,
                                      -kInf<T>,
                                      kNaN<T>,
                                      std::numeric_limits<T>::denorm_min(),
                                      std::numeric_limits<T>::max()};
  return list;
}

// Equal in every bit, or both NaN.
template <typename T>
bool same(T a, T b) {
  return std::isnan(a) ? std::isnan(b) : !std::memcmp(&a, &b, sizeof a);
}

// f on vectors, with a's and b's of different lanes different, against g on the lanes.
template <typename T, typename F, typename G>
void check_lanes(F f, G g) {
  constexpr int width = Vec<T>::width;
  const std::vector<T>& list = numbers<T>();
  for (size_t i = 0; i < list.size(); ++i) {
    for (size_t j = 0; j < list.size(); ++j) {
      T a[width], b[width], got[width];
      for (int lane = 0; lane < width; ++lane) {
        a[lane] = list[(i + static_cast<size_t>(lane)) % list.size()];
        b[lane] = list[(j + static_cast<size_t>(lane) * 5) % list.size()];
      }
      f(Vec<T>::load(a), Vec<T>::load(b)).store(got);
      bool ok = true;
      for (int lane = 0; lane < width; ++lane) ok = ok && same(got[lane], g(a[lane], b[lane]));
      CHECK(ok);
    }
  }
}

template <typename T, typename F, typename G>
void check_mask(F f, G g) {
  check_lanes<T>([&](Vec<T> a, Vec<T> b) { return select(f(a, b), Vec<T>::set(1), Vec<T>::zero()); },
                 [&](T a, T b) { return T(g(a, b)); });
}

template <typename T>
void check_arithmetic() {
  using V = Vec<T>;
  check_lanes<T>([](V a, V b) { return a + b; }, [](T a, T b) { return a + b; });
  check_lanes<T>([](V a, V b) { return a - b; }, [](T a, T b) { return a - b; });
  check_lanes<T>([](V a, V b) { return a * b; }, [](T a, T b) { return a * b; });
  check_lanes<T>([](V a, V b) { return a / b; }, [](T a, T b) { return a / b; });
  check_lanes<T>([](V a, V b) { return max(a, b); }, [](T a, T b) { return a > b ? a : b; });
  check_lanes<T>([](V a, V b) { return min(a, b); }, [](T a, T b) { return a < b ? a : b; });
  check_lanes<T>([](V a, V) { return sqrt(a); }, [](T a, T) { return std::sqrt(a); });
  check_lanes<T>([](V a, V) { return abs(a); }, [](T a, T) { return std::fabs(a); });
  check_lanes<T>([](V a, V) { return -a; }, [](T a, T) { return -a; });
  check_lanes<T>([](V a, V b) { return copysign(a, b); }, [](T a, T b) { return std::copysign(a, b); });
  check_lanes<T>([](V, V b) { return b + V::set(T(0.5)) * V::zero(); }, [](T, T b) { return b + T(0); });
#if defined(NABLA_ISA_SCALAR)
  check_lanes<T>([](V a, V b) { return fma(a, b, a); }, [](T a, T b) { return a * b + a; });
#else
  check_lanes<T>([](V a, V b) { return fma(a, b, a); }, [](T a, T b) { return std::fma(a, b, a); });
#endif
}

template <typename T>
void check_comparisons() {
  using V = Vec<T>;
  check_mask<T>([](V a, V b) { return a < b; }, [](T a, T b) { return a < b; });
  check_mask<T>([](V a, V b) { return a <= b; }, [](T a, T b) { return a <= b; });
  check_mask<T>([](V a, V b) { return a > b; }, [](T a, T b) { return a > b; });
  check_mask<T>([](V a, V b) { return a >= b; }, [](T a, T b) { return a >= b; });
  check_mask<T>([](V a, V b) { return a == b; }, [](T a, T b) { return a == b; });
  check_mask<T>([](V a, V b) { return a != b; }, [](T a, T b) { return a != b; });
  check_mask<T>([](V a, V b) { return (a < b) & (a == a); }, [](T a, T b) { return a < b && a == a; });
  check_mask<T>([](V a, V b) { return (a < b) | (a != a); }, [](T a, T b) { return a < b || a != a; });
  check_mask<T>([](V a, V b) { return !(a < b); }, [](T a, T b) { return !(a < b); });
  check_lanes<T>([](V a, V b) { return select(a < b, a, b); }, [](T a, T b) { return a < b ? a : b; });
}

template <typename T>
void check_parts() {
  constexpr int width = Vec<T>::width;
  for (int n = 0; n <= width; ++n) {
    T source[width], loaded[width], stored[width];
    for (int i = 0; i < width; ++i) {
      source[i] = i < n ? T(i + 1) : kNaN<T>;
      stored[i] = T(-7);
    }
    const Vec<T> part = Vec<T>::load_part(source, n);
    part.store(loaded);
    Vec<T>::set(T(9)).store_part(stored, n);
    bool ok = true;
    for (int i = 0; i < width; ++i) {
      ok = ok && same(loaded[i], i < n ? T(i + 1) : T(0)) && same(stored[i], i < n ? T(9) : T(-7));
    }
    CHECK(ok);
  }
}

#if defined(__linux__)
// The part ends where a page begins that must not be touched.
template <typename T>
void check_guard_page() {
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  void* memory = mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (!CHECK(memory != MAP_FAILED)) return;
  char* guard = static_cast<char*>(memory) + page;
  CHECK(mprotect(guard, page, PROT_NONE) == 0);
  for (int n = 0; n <= Vec<T>::width; ++n) {
    T* p = reinterpret_cast<T*>(guard) - n;
    Vec<T>::set(T(3)).store_part(p, n);
    T lanes[Vec<T>::width];
    Vec<T>::load_part(p, n).store(lanes);
    CHECK(std::count(lanes, lanes + Vec<T>::width, T(3)) == n);
  }
  munmap(memory, 2 * page);
}

NABLA_TEST(parts_before_a_guard_page) {
  check_guard_page<float>();
  check_guard_page<double>();
}
#endif

NABLA_TEST(arithmetic) {
  check_arithmetic<float>();
  check_arithmetic<double>();
}

NABLA_TEST(comparisons) {
  check_comparisons<float>();
  check_comparisons<double>();
}

NABLA_TEST(parts) {
  check_parts<float>();
  check_parts<double>();
}

// On integers that arise from float bits, the only use there is.
NABLA_TEST(integers) {
  constexpr int width = Vec<float>::width;
  const std::vector<float>& list = numbers<float>();
  const auto bits = [](float x) {
    int32_t b;
    std::memcpy(&b, &x, sizeof b);
    return b;
  };
  for (size_t i = 0; i < list.size(); ++i) {
    float a[width], round_trip[width], shifted[width], difference[width];
    for (int lane = 0; lane < width; ++lane) a[lane] = list[(i + static_cast<size_t>(lane)) % list.size()];
    const Vec<int32_t> x = bits_of(Vec<float>::load(a));
    float_of_bits(x).store(round_trip);
    to_float((x << 3) >> 5).store(shifted);
    to_float(x + x - Vec<int32_t>::set(5)).store(difference);
    bool ok = !std::memcmp(a, round_trip, sizeof a);
    for (int lane = 0; lane < width; ++lane) {
      const uint32_t b = static_cast<uint32_t>(bits(a[lane]));
      ok = ok && shifted[lane] == static_cast<float>(static_cast<int32_t>(b << 3) >> 5);
      ok = ok && difference[lane] == static_cast<float>(static_cast<int32_t>(b + b - 5));
    }
    CHECK(ok);
  }
}

}  // namespace
}  // namespace nabla::NABLA_ISA

NABLA_TEST_MAIN
