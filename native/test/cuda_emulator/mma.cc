#include "mma.h"

#include <cmath>
#include <cstring>

#include "device_math.h"

namespace emulator {

namespace {

struct Fragments {
  float c[4];
  uint32_t a[4], b[2];
};
struct Result {
  float c[4];
};

double bfloat16(uint32_t bits) { return static_cast<double>(bits_of<float>(bits << 16)); }

double float16(uint32_t bits) {
  const int exponent = static_cast<int>(bits >> 10 & 31), fraction = static_cast<int>(bits & 1023);
  const double sign = bits >> 15 & 1 ? -1 : 1;
  if (exponent == 31) return fraction ? std::nan("") : sign * HUGE_VAL;
  return sign * std::ldexp(fraction + (exponent ? 1024 : 0), (exponent ? exponent - 1 : 0) - 24);
}

// The hardware drops the last 13 bits.
double tf32(uint32_t bits) { return static_cast<double>(bits_of<float>(bits & ~0x1fffu)); }

// a[m][k] and b[k][n] from the lanes' fragments, then everybody's c. `pairs`: two 16-bit values in a register.
template <int kDepth, typename Value>
void multiply(const Lanes& lanes, bool pairs, Value value) {
  double a[16][kDepth], b[kDepth][8];
  for (int lane = 0; lane < 32; ++lane) {
    const Fragments& f = lanes.input<Fragments>(lane);
    const int g = lane / 4, t = lane % 4;
    for (int i = 0; i < 4; ++i) {
      const int row = g + i % 2 * 8;
      if (pairs) {
        for (int half = 0; half < 2; ++half) a[row][2 * t + half + i / 2 * 8] = value(f.a[i] >> 16 * half & 0xffff);
      } else {
        a[row][t + i / 2 * 4] = value(f.a[i]);
      }
    }
    for (int i = 0; i < 2; ++i) {
      if (pairs) {
        for (int half = 0; half < 2; ++half) b[2 * t + half + i * 8][g] = value(f.b[i] >> 16 * half & 0xffff);
      } else {
        b[t + i * 4][g] = value(f.b[i]);
      }
    }
  }
  for (int lane = 0; lane < 32; ++lane) {
    const Fragments& f = lanes.input<Fragments>(lane);
    for (int i = 0; i < 4; ++i) {
      const int row = lane / 4 + i / 2 * 8, column = 2 * (lane % 4) + i % 2;
      double sum = static_cast<double>(f.c[i]);
      for (int k = 0; k < kDepth; ++k) sum += a[row][k] * b[k][column];
      lanes.output<Result>(lane).c[i] = static_cast<float>(sum);
    }
  }
}

template <int kDepth, typename Value>
void run(const char* name, float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], bool pairs, Value value,
         Site site) {
  Fragments f;
  std::memcpy(f.c, c, sizeof c);
  std::memcpy(f.a, a, sizeof a);
  std::memcpy(f.b, b, sizeof b);
  const Result r = warp_collective<Result>(
      0xffffffffu, name, f, [&](const Lanes& lanes) { multiply<kDepth>(lanes, pairs, value); }, site);
  std::memcpy(c, r.c, sizeof c);
}

}  // namespace

void mma_m16n8k8_tf32(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], const char* site_file,
                      int site_line) {
  run<8>("mma.m16n8k8.tf32", c, a, b, false, tf32, NABLA_EMULATOR_HERE);
}
void mma_m16n8k16_bf16(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], const char* site_file,
                       int site_line) {
  run<16>("mma.m16n8k16.bf16", c, a, b, true, bfloat16, NABLA_EMULATOR_HERE);
}
void mma_m16n8k16_f16(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], const char* site_file,
                      int site_line) {
  run<16>("mma.m16n8k16.f16", c, a, b, true, float16, NABLA_EMULATOR_HERE);
}

}  // namespace emulator
