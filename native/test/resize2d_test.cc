// resize2d and its gradient against naive loops in float64.
#include <cmath>
#include <limits>
#include <vector>

#include "op_call.h"

using namespace nabla_test;

namespace {

struct Case {
  int64_t images, h, w, channels, out_h, out_w;
};

const Case kCases[] = {
    {1, 1, 1, 1, 1, 1},   {2, 3, 5, 4, 6, 10}, {2, 6, 10, 3, 3, 5}, {1, 4, 4, 17, 7, 3},
    {3, 5, 7, 1, 5, 7},   {1, 1, 9, 2, 5, 1},  {2, 9, 1, 33, 1, 4}, {1, 13, 11, 5, 64, 3},
    {1, 40, 50, 3, 7, 9}, {0, 3, 3, 2, 4, 4},  {2, 3, 3, 0, 4, 4},
};

// A pixel of the result along one axis: (1 - weight) * x[low] + weight * x[low + 1].
struct Source {
  int64_t low;
  double weight;
};

Source source_of(bool nearest, bool align_corners, int64_t size, int64_t out_size, int64_t i) {
  const double step = static_cast<double>(size) / static_cast<double>(out_size);
  if (nearest) return {std::min(static_cast<int64_t>((static_cast<double>(i) + 0.5) * step + 1e-9), size - 1), 0};
  double position = (static_cast<double>(i) + 0.5) * step - 0.5;
  if (align_corners) {
    position = out_size > 1 ? static_cast<double>(i * (size - 1)) / static_cast<double>(out_size - 1) : 0;
  }
  position = std::fmax(position, 0);
  const int64_t low = static_cast<int64_t>(position + 1e-9);
  if (low + 1 >= size) return {size - 1, 0};
  return {low, std::fmax(position - static_cast<double>(low), 0)};
}

// body(element of the image, element of the result, its share).
template <typename Body>
void for_shares(const Case& t, bool nearest, bool align_corners, Body&& body) {
  for (int64_t image = 0; image < t.images; ++image) {
    for (int64_t oy = 0; oy < t.out_h; ++oy) {
      const Source row = source_of(nearest, align_corners, t.h, t.out_h, oy);
      for (int64_t ox = 0; ox < t.out_w; ++ox) {
        const Source col = source_of(nearest, align_corners, t.w, t.out_w, ox);
        for (int64_t corner = 0; corner < 4; ++corner) {
          const double down = corner / 2 ? row.weight : 1 - row.weight,
                       across = corner % 2 ? col.weight : 1 - col.weight;
          if (down * across == 0) continue;
          const int64_t from = (image * t.h + row.low + corner / 2) * t.w + col.low + corner % 2;
          const int64_t to = (image * t.out_h + oy) * t.out_w + ox;
          for (int64_t c = 0; c < t.channels; ++c) body(from * t.channels + c, to * t.channels + c, down * across);
        }
      }
    }
  }
}

std::vector<double> zeros(const Array& a) { return std::vector<double>(static_cast<size_t>(a.size())); }

bool near(const Array& got, const std::vector<double>& want, double tolerance) {
  bool same = true;
  for (int64_t i = 0; i < got.size(); ++i) {
    const double expected = want[static_cast<size_t>(i)];
    same = same && std::fabs(got[i] - expected) <= tolerance * (1 + std::fabs(expected));
  }
  return same;
}

}  // namespace

NABLA_TEST(nearest) {
  for (const Case& t : kCases) {
    for (DType dtype : {DType::float32, DType::float64, DType::int32, DType::uint8, DType::boolean, DType::float16}) {
      Array x(dtype, {t.images, t.h, t.w, t.channels},
              [&](int64_t i) { return dtype == DType::boolean ? i % 2 : i % 200; });
      Array y(dtype, {t.images, t.out_h, t.out_w, t.channels});
      run_op(isa::resize2d, {x.view()}, {&y}, {0, 0});
      std::vector<double> want = zeros(y);
      for_shares(t, true, false, [&](int64_t from, int64_t to, double) { want[static_cast<size_t>(to)] = x[from]; });
      CHECK(near(y, want, 0));
    }
  }
}

NABLA_TEST(bilinear) {
  for (const Case& t : kCases) {
    for (bool align_corners : {false, true}) {
      for (DType dtype : {DType::float32, DType::float64}) {
        Array x = random_array(dtype, {t.images, t.h, t.w, t.channels}, 1);
        Array y(dtype, {t.images, t.out_h, t.out_w, t.channels});
        run_op(isa::resize2d, {x.view()}, {&y}, {1, align_corners ? 1.0 : 0.0});
        std::vector<double> want = zeros(y);
        for_shares(t, false, align_corners,
                   [&](int64_t from, int64_t to, double share) { want[static_cast<size_t>(to)] += share * x[from]; });
        // A few roundings, of the weights too; the naive positions are rounded as well.
        CHECK(near(y, want, dtype == DType::float32 ? 1e-6 : 1e-13));
      }
    }
  }
}

NABLA_TEST(gradients) {
  for (const Case& t : kCases) {
    for (int method : {0, 1, 2}) {
      const bool nearest = method == 0, align_corners = method == 2;
      for (DType dtype : {DType::float32, DType::float64}) {
        Array dy = random_array(dtype, {t.images, t.out_h, t.out_w, t.channels}, 2);
        Array dx(dtype, {t.images, t.h, t.w, t.channels});
        run_op(isa::resize2dGrad, {dy.view()}, {&dx}, {nearest ? 0.0 : 1.0, align_corners ? 1.0 : 0.0});
        std::vector<double> want = zeros(dx);
        for_shares(t, nearest, align_corners,
                   [&](int64_t to, int64_t from, double share) { want[static_cast<size_t>(to)] += share * dy[from]; });
        // Sums of up to some hundred numbers below 1.
        CHECK(near(dx, want, dtype == DType::float32 ? 2e-5 : 1e-12));
      }
    }
  }
}

// A pixel of weight 0 is left out.
NABLA_TEST(nan_next_to_a_pixel) {
  Array x(DType::float32, {1, 1, 3, 1},
          [](int64_t i) { return i == 1 ? std::numeric_limits<double>::quiet_NaN() : 4; });
  Array y(DType::float32, {1, 1, 3, 1});
  run_op(isa::resize2d, {x.view()}, {&y}, {1, 0});
  CHECK(y[0] == 4 && std::isnan(y[1]) && y[2] == 4);
}

NABLA_TEST(errors) {
  const auto native = nabla::ErrorKind::native;
  Array x(DType::int32, {1, 2, 2, 1}, [](int64_t i) { return i; }), y(DType::int32, {1, 4, 4, 1});
  CHECK(error_of(isa::resize2d, {x.view()}, {&y}, {1, 0}, native) == "bilinear resizing needs floats");
  CHECK(error_of(isa::resize2d, {x.view()}, {&y}, {2, 0}, native) == "resizing needs a method");
  CHECK(error_of(isa::resize2dGrad, {y.view()}, {&x}, {0, 0}, native) == "a gradient needs floats");
}

NABLA_TEST_MAIN
