// What this machine can do at best, whatever the program: the limits that benchmarks are held against.
//
// Usage: peaks THREADS [avx2]. Prints one line of JSON: the instruction set, GFLOP/s of float32 multiply-adds and of
// bfloat16 dot products (null where there is no such instruction), GB/s of copying (read and written bytes count) and
// of reading, all threads together. Threads are pinned to the first CPUs that the process may use.
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace {

// 8 would cover the latency of multiply-adds on today's cores (4 cycles, 2 a cycle).
constexpr int kAccumulators = 12;
constexpr long kRounds = 2'000'000;
constexpr int kRepeats = 30;
// Both arrays of a copy together are far larger than any cache.
constexpr size_t kBytes = size_t{256} << 20;

// Read at run time, so that the compiler knows nothing about them. x = factor * x + term goes to 1.
volatile float factor = 0.99951171875f;
volatile float term = 0.00048828125f;

// Numbers that must come out: what is not read may be left out by the compiler.
float sumOf(const float* lanes, int count) {
  float sum = 0;
  for (int i = 0; i < count; ++i) sum += lanes[i];
  return sum / float(count);
}

// So that the accumulators stay in registers.
#define UNROLL _Pragma("GCC unroll 16")

// BYTES is the size of a vector. Returns the mean of all lanes, about 1.
#define DEFINE_FMA(NAME, TARGET, BYTES) \
  TARGET float NAME(long rounds) { \
    typedef float V __attribute__((vector_size(BYTES))); \
    constexpr int kLanes = BYTES / 4; \
    const V f = V{} + factor, t = V{} + term; \
    V x[kAccumulators]; \
    for (int i = 0; i < kAccumulators; ++i) x[i] = V{} + float(i); \
    for (long r = 0; r < rounds; ++r) { \
      UNROLL for (int i = 0; i < kAccumulators; ++i) x[i] = x[i] * f + t; \
    } \
    float lanes[kAccumulators * kLanes]; \
    std::memcpy(lanes, x, sizeof lanes); \
    return sumOf(lanes, kAccumulators * kLanes); \
  }

// Returns the sum of all words of the array, modulo 2^32 in each lane.
#define DEFINE_READ(NAME, TARGET, BYTES) \
  TARGET unsigned NAME(const char* from, size_t bytes) { \
    typedef unsigned V __attribute__((vector_size(BYTES))); \
    constexpr size_t kStep = 8 * BYTES; \
    V sums[8] = {}; \
    for (size_t at = 0; at < bytes; at += kStep) \
      for (size_t i = 0; i < 8; ++i) sums[i] += *(const V*)(from + at + i * BYTES); \
    unsigned lanes[kStep / 4], sum = 0; \
    std::memcpy(lanes, sums, sizeof lanes); \
    for (unsigned lane : lanes) sum += lane; \
    return sum; \
  }

#if defined(__x86_64__)
#define AVX512 __attribute__((target("avx512f,fma")))
#define AVX2 __attribute__((target("avx2,fma")))
DEFINE_FMA(fmaAvx512, AVX512, 64)
DEFINE_FMA(fmaAvx2, AVX2, 32)
DEFINE_READ(readAvx512, AVX512, 64)
DEFINE_READ(readAvx2, AVX2, 32)

// Stores that go past the caches: what is overwritten as a whole need not be read first.
__attribute__((target("avx2"))) void copyPast(char* to, const char* from, size_t bytes) {
  for (size_t at = 0; at < bytes; at += 32)
    _mm256_stream_si256((__m256i*)(to + at), _mm256_load_si256((const __m256i*)(from + at)));
  _mm_sfence();
}

#if (defined(__GNUC__) && __GNUC__ >= 10) || defined(__clang__)
#define HAS_BF16 1
// Each instruction multiplies 32 pairs and adds them in twos to 16 sums. Returns their mean; 2 * rounds * product.
__attribute__((target("avx512f,avx512bw,avx512bf16"))) float dotsBf16(long rounds) {
  const __m512bh a = _mm512_cvtne2ps_pbh(_mm512_set1_ps(1), _mm512_set1_ps(1));
  const __m512bh b = _mm512_cvtne2ps_pbh(_mm512_set1_ps(term), _mm512_set1_ps(term));
  __m512 x[kAccumulators];
  for (int i = 0; i < kAccumulators; ++i) x[i] = _mm512_setzero_ps();
  for (long r = 0; r < rounds; ++r) {
    UNROLL for (int i = 0; i < kAccumulators; ++i) x[i] = _mm512_dpbf16_ps(x[i], a, b);
  }
  float lanes[kAccumulators * 16];
  std::memcpy(lanes, x, sizeof lanes);
  return sumOf(lanes, kAccumulators * 16);
}
#endif
#endif

DEFINE_FMA(fmaAny, , 16)
DEFINE_READ(readAny, , 16)

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "peaks: %s\n", what);
  std::exit(1);
}

std::vector<int> allowedCpus() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) fail("the CPUs of this process are not known");
  std::vector<int> cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  return cpus;
}

void pinTo(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (pthread_setaffinity_np(pthread_self(), sizeof set, &set) != 0) fail("a thread cannot be pinned");
}

// The least seconds that `work(thread)` took on all threads at once, of some repeats after one that does not count.
double best(int threads, const std::function<void(int)>& work) {
  const std::vector<int> cpus = allowedCpus();
  if (int(cpus.size()) < threads) fail("there are fewer CPUs than threads");
  using Clock = std::chrono::steady_clock;
  double least = INFINITY;
  std::atomic<long> arrived{0};
  const auto meet = [&](long target) {
    ++arrived;
    while (arrived < target) {
    }
  };
  std::vector<std::thread> pool;
  for (int thread = 0; thread < threads; ++thread) {
    pool.emplace_back([&, thread] {
      pinTo(cpus[size_t(thread)]);
      for (long repeat = 0; repeat <= kRepeats; ++repeat) {
        meet((2 * repeat + 1) * threads);
        const auto start = Clock::now();
        work(thread);
        meet((2 * repeat + 2) * threads);
        const std::chrono::duration<double> seconds = Clock::now() - start;
        if (thread == 0 && repeat > 0) least = std::min(least, seconds.count());
      }
    });
  }
  for (std::thread& thread : pool) thread.join();
  return least;
}

double gflops(int threads, int flopsEach, float expected, const std::function<float(long)>& kernel) {
  std::vector<float> results(size_t(threads), 0);
  const double seconds = best(threads, [&](int thread) { results[size_t(thread)] = kernel(kRounds); });
  for (float result : results)
    if (!(std::fabs(result - expected) <= 0.01f * expected)) fail("the arithmetic came out wrong");
  return double(threads) * kRounds * kAccumulators * flopsEach / seconds / 1e9;
}

char* allocate(size_t bytes) {
  void* memory = std::aligned_alloc(4096, bytes);
  if (!memory) fail("out of memory");
  return static_cast<char*>(memory);
}

}  // namespace

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : 0;
  if (threads < 1) fail("usage: peaks THREADS [avx2]");
  const bool onlyAvx2 = argc > 2 && std::string(argv[2]) == "avx2";

  const char* isa = "baseline";
  int bytes = 16;
  auto fma = fmaAny;
  auto read = readAny;
  double bf16 = 0;
  bool past = false;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    isa = "AVX2", bytes = 32, fma = fmaAvx2, read = readAvx2, past = true;
  }
  if (onlyAvx2 && !past) fail("this CPU has no AVX2");
  if (!onlyAvx2 && past && __builtin_cpu_supports("avx512f")) {
    isa = "AVX-512", bytes = 64, fma = fmaAvx512, read = readAvx512;
#if defined(HAS_BF16)
    if (__builtin_cpu_supports("avx512bf16")) {
      // Past 2^24 of its steps a sum would stand still; the loop stays far below.
      bf16 = gflops(threads, 64, 2 * term * float(kRounds), dotsBf16);
    }
#endif
  }
#else
  if (onlyAvx2) fail("this CPU has no AVX2");
#endif
  const double peakFma = gflops(threads, 2 * bytes / 4, 1, fma);

  const size_t part = kBytes / size_t(threads) / 4096 * 4096;
  std::vector<char*> from(size_t(threads), nullptr), to(size_t(threads), nullptr);
  for (int thread = 0; thread < threads; ++thread) {
    from[size_t(thread)] = allocate(part);
    to[size_t(thread)] = allocate(part);
    for (size_t i = 0; i < part; ++i) from[size_t(thread)][i] = char(i * 7 + i / 4096);
    std::memset(to[size_t(thread)], 0, part);
  }
  const auto copied = [&](const std::function<void(char*, const char*, size_t)>& copy) {
    const double seconds = best(threads, [&](int t) { copy(to[size_t(t)], from[size_t(t)], part); });
    for (int t = 0; t < threads; ++t) {
      if (std::memcmp(from[size_t(t)], to[size_t(t)], part) != 0) fail("the copy came out wrong");
      std::memset(to[size_t(t)], 0, part);
    }
    return 2.0 * double(part) * threads / seconds / 1e9;
  };
  double copy = copied([](char* d, const char* s, size_t n) { std::memcpy(d, s, n); });
#if defined(__x86_64__)
  if (past) copy = std::max(copy, copied(copyPast));
#endif

  std::vector<unsigned> sums(size_t(threads), 0);
  const double seconds = best(threads, [&](int t) { sums[size_t(t)] = read(from[size_t(t)], part); });
  for (int t = 0; t < threads; ++t)
    if (sums[size_t(t)] != readAny(from[size_t(t)], part)) fail("the sum came out wrong");
  const double readRate = double(part) * threads / seconds / 1e9;

  std::printf("{\"isa\":\"%s\",\"fma\":%.1f,\"bf16\":", isa, peakFma);
  if (bf16 > 0)
    std::printf("%.1f", bf16);
  else
    std::printf("null");
  std::printf(",\"copy\":%.2f,\"read\":%.2f}\n", copy, readRate);
}
