// concat, pad, tril and triu against naive loops.
#include <cmath>
#include <utility>

#include "op_call.h"

using namespace nabla_test;

namespace {

const DType kDTypes[] = {DType::float32, DType::float64, DType::int32, DType::uint8, DType::boolean, DType::float16};

// Elements that every dtype tells apart from their neighbours.
Array sample_array(DType dtype, const Shape& shape, uint64_t seed) {
  return Array(dtype, shape, [&](int64_t i) { return std::floor(fraction(seed, static_cast<uint64_t>(i)) * 200) + 1; });
}

// The index of element i of a shape.
Shape index_of(const Shape& shape, int64_t i) {
  Shape index(shape.size());
  for (size_t d = shape.size(); d-- > 0; i /= shape[d]) index[d] = i % shape[d];
  return index;
}

int64_t place_of(const Shape& shape, const Shape& index) {
  int64_t place = 0;
  for (size_t d = 0; d < shape.size(); ++d) place = place * shape[d] + index[d];
  return place;
}

// The last two dimensions exchanged, in the shape alone.
Shape swapped(Shape shape) {
  std::swap(shape[shape.size() - 1], shape[shape.size() - 2]);
  return shape;
}
nabla::TensorView swapped(nabla::TensorView view) {
  std::swap(view.shape[view.rank - 1], view.shape[view.rank - 2]);
  std::swap(view.stride[view.rank - 1], view.stride[view.rank - 2]);
  return view;
}
Shape swapped_index(const Shape& index) { return swapped(index); }

const Shape kShapes[] = {{1, 1},     {3, 5},         {0, 4},     {4, 0},  {2, 7, 3},
                         {129, 300}, {3, 2, 64, 65}, {2, 70001}, {5, 32}, {3, 16, 48}};

}  // namespace

NABLA_TEST(concat_puts_inputs_one_after_another) {
  for (const Shape& shape : kShapes) {
    for (size_t axis = 0; axis < shape.size(); ++axis) {
      for (DType dtype : kDTypes) {
        Shape other = shape, whole = shape;
        other[axis] = 3;
        whole[axis] = shape[axis] + 3;
        // The second one is transposed in memory.
        Array a = sample_array(dtype, shape, 1), b = sample_array(dtype, swapped(other), 2), out(dtype, whole);
        run_op(isa::concat, {a.view(), swapped(b.view())}, {&out}, {static_cast<double>(axis)});
        bool equal = true;
        for (int64_t i = 0; i < out.size(); ++i) {
          Shape index = index_of(whole, i);
          const bool first = index[axis] < shape[axis];
          if (!first) index[axis] -= shape[axis];
          const double want = first ? a[place_of(shape, index)] : b[place_of(swapped(other), swapped_index(index))];
          equal = equal && out[i] == want;
        }
        CHECK(equal);
      }
    }
  }
}

NABLA_TEST(pad_surrounds_with_a_value) {
  for (const Shape& shape : kShapes) {
    for (DType dtype : kDTypes) {
      for (bool transposed : {false, true}) {
        Shape whole = shape;
        std::vector<double> before;
        for (size_t d = 0; d < shape.size(); ++d) {
          before.push_back(static_cast<double>(d * 2 % 3));
          whole[d] += static_cast<int64_t>(before[d]) + static_cast<int64_t>(d % 2);
        }
        const Shape laid = transposed ? swapped(shape) : shape;
        Array x = sample_array(dtype, laid, 3), out(dtype, whole);
        Array value(dtype, {}, [](int64_t) { return 1; });
        run_op(isa::pad, {transposed ? swapped(x.view()) : x.view(), value.view()}, {&out}, before);
        bool equal = true;
        for (int64_t i = 0; i < out.size(); ++i) {
          Shape index = index_of(whole, i);
          bool inside = true;
          for (size_t d = 0; d < shape.size(); ++d) {
            index[d] -= static_cast<int64_t>(before[d]);
            inside = inside && index[d] >= 0 && index[d] < shape[d];
          }
          const double want = inside ? x[place_of(laid, transposed ? swapped_index(index) : index)] : 1;
          equal = equal && out[i] == want;
        }
        CHECK(equal);
      }
    }
  }
}

// Axes without padding, and rows that are whole numbers of vectors with their padding.
NABLA_TEST(pad_of_images) {
  for (DType dtype : kDTypes) {
    for (int64_t channels : {3, 16, 32}) {
      const Shape shape = {2, 5, 4, channels}, whole = {2, 8, 7, channels};
      const std::vector<double> before = {0, 1, 2, 0};
      Array x = sample_array(dtype, shape, 3), out(dtype, whole), value(dtype, {}, [](int64_t) { return 1; });
      run_op(isa::pad, {x.view(), value.view()}, {&out}, before);
      bool equal = true;
      for (int64_t i = 0; i < out.size(); ++i) {
        Shape index = index_of(whole, i);
        index[1] -= 1, index[2] -= 2;
        const bool inside = index[1] >= 0 && index[1] < 5 && index[2] >= 0 && index[2] < 4;
        equal = equal && out[i] == (inside ? x[place_of(shape, index)] : 1);
      }
      CHECK(equal);
    }
  }
}

NABLA_TEST(triangles_keep_one_side_of_a_diagonal) {
  for (const Shape& shape : kShapes) {
    for (DType dtype : kDTypes) {
      for (int64_t k : {0, 1, -2, 40, -100000, 100000}) {
        for (bool transposed : {false, true}) {
          const Shape laid = transposed ? swapped(shape) : shape;
          Array x = sample_array(dtype, laid, 4), lower(dtype, shape), upper(dtype, shape);
          const nabla::TensorView view = transposed ? swapped(x.view()) : x.view();
          run_op(isa::tril, {view}, {&lower}, {static_cast<double>(k)});
          run_op(isa::triu, {view}, {&upper}, {static_cast<double>(k)});
          bool equal = true;
          for (int64_t i = 0; i < x.size(); ++i) {
            const Shape index = index_of(shape, i);
            const int64_t above = index[shape.size() - 1] - index[shape.size() - 2];
            const double own = x[place_of(laid, transposed ? swapped_index(index) : index)];
            equal = equal && lower[i] == (above <= k ? own : 0) && upper[i] == (above >= k ? own : 0);
          }
          CHECK(equal);
        }
      }
    }
  }
}

NABLA_TEST(impossible_commands_are_errors) {
  const auto native = nabla::ErrorKind::native;
  Array a(DType::float32, {2, 3}), b(DType::float32, {2, 4}), whole(DType::float32, {2, 7}), c(DType::float64, {2, 4});
  Array value(DType::float32, {}), two(DType::float32, {2}), row(DType::float32, {3});
  CHECK(error_of(isa::concat, {a.view(), b.view()}, {&whole}, {2}, native) == "the axis is out of range");
  CHECK(error_of(isa::concat, {a.view(), b.view()}, {&whole}, {0}, native) == "an input does not fit the output");
  CHECK(error_of(isa::concat, {a.view(), c.view()}, {&whole}, {1}, native) == "an input does not fit the output");
  CHECK(error_of(isa::concat, {a.view(), a.view()}, {&whole}, {1}, native) ==
        "the output's size along the axis is wrong");
  CHECK(error_of(isa::pad, {a.view(), value.view()}, {&b}, {0, 2}, native) == "the output is too small");
  CHECK(error_of(isa::pad, {a.view(), value.view()}, {&b}, {0, -1}, native) == "the output is too small");
  CHECK(error_of(isa::pad, {b.view(), value.view()}, {&a}, {0, 0}, native) == "the output is too small");
  CHECK(error_of(isa::pad, {a.view(), two.view()}, {&b}, {0, 1}, native) == "the value must be one element");
  CHECK(error_of(isa::pad, {a.view(), value.view()}, {&row}, {0}, native) == "the number of axes is wrong");
  CHECK(error_of(isa::tril, {row.view()}, {&row}, {0}, native) == "the output does not fit the input");
  CHECK(error_of(isa::triu, {a.view()}, {&b}, {0}, native) == "the output does not fit the input");
}

NABLA_TEST_MAIN
