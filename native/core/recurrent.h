// What commands say of recurrent networks: sizes, options and operands, with the checks that memory safety depends on.
#pragma once
#include <cstdint>

#include "core/activation.h"
#include "core/checks.h"
#include "core/kernel.h"

namespace nabla {

// What the tensors of an op have for each unit: columns of the weights, states (h, then c), rows of the bias, and
// numbers of each step that forward keeps for the gradient.
struct CellLayout {
  int64_t gates, states, bias_rows, kept;
};
constexpr CellLayout kLstm = {4, 2, 1, 6}, kGru = {3, 1, 2, 5}, kSimpleRnn = {1, 1, 1, 1};

struct Recurrent : CellLayout {
  int64_t batch, steps, inputs, units;
  bool bias, state, mask, backwards, zero_output;

  // Place in x and in the mask of the step that is computed as number `step`.
  NABLA_HOST_INLINE int64_t time(int64_t step) const { return backwards ? steps - 1 - step : step; }
};

// Inputs and outputs one after another, each checked.
class Operands {
 public:
  Operands(const TensorView* views, int count, DType dtype) : views_(views), count_(count), dtype_(dtype) {}
  template <typename T>
  NABLA_HOST_INLINE T* take(int64_t numel) {
    check(numel, dtype_);
    return views_[next_++].as<T>();
  }
  // Null unless `present`.
  template <typename T>
  NABLA_HOST_INLINE T* take_if(bool present, int64_t numel) {
    return present ? take<T>(numel) : nullptr;
  }
  NABLA_HOST_INLINE const uint8_t* take_mask_if(bool present, int64_t numel) {
    if (!present) return nullptr;
    check(numel, DType::boolean);
    return views_[next_++].as<const uint8_t>();
  }
  NABLA_HOST_INLINE void finish() const { NABLA_CHECK(next_ == count_, "there are too many operands"); }

 private:
  NABLA_HOST_INLINE void check(int64_t numel, DType dtype) const {
    NABLA_CHECK(next_ < count_, "an operand is missing");
    const TensorView& view = views_[next_];
    NABLA_CHECK(view.dtype == dtype && view.contiguous() && view.numel() == numel, "an operand does not fit");
  }
  const TensorView* views_;
  int count_, next_ = 0;
  DType dtype_;
};

// From x, w and u, the first three inputs, and the first five attributes.
NABLA_HOST_INLINE Recurrent recurrent_of(const KernelArgs& args, const CellLayout& cell, int attributes) {
  NABLA_CHECK(args.n_in >= 3 && args.n_attr == attributes, "an input or an attribute is missing");
  const TensorView &x = args.in[0], &u = args.in[2];
  NABLA_CHECK(x.dtype == DType::float32 || x.dtype == DType::float64, "inputs must be float32 or float64");
  NABLA_CHECK(x.rank == 3 && u.rank == 2, "x must have three dimensions, weights two");
  return {cell,
          x.shape[0],
          x.shape[1],
          x.shape[2],
          u.shape[0],
          args.attr[0] != 0,
          args.attr[1] != 0,
          args.attr[2] != 0,
          args.attr[3] != 0,
          args.attr[4] != 0};
}

// What a cell with a choice has after its sum.
NABLA_HOST_INLINE Activation cell_activation(double number) {
  const bool relu = number == static_cast<int>(Activation::relu);
  NABLA_CHECK(relu || number == static_cast<int>(Activation::tanh), "the activation must be relu or tanh");
  return relu ? Activation::relu : Activation::tanh;
}

// The operands of a forward op. Kept(p, data) is where it keeps what the gradient needs.
template <typename T, typename Kept>
struct ForwardOperands {
  const T *x, *w, *u;
  const T *bias, *h0, *c0;  // may be null
  const uint8_t* mask;      // may be null
  T *h, *c;                 // c: null for a cell without
  T* y;                     // may be null
  Kept kept;

  NABLA_HOST_INLINE ForwardOperands(const KernelArgs& args, const Recurrent& p) : kept(p, nullptr) {
    const bool sequences = args.attr[5] != 0, train = args.attr[6] != 0, has_c = p.states > 1;
    const int64_t state = p.batch * p.units, sequence = p.steps * state, width = p.gates * p.units;
    Operands in(args.in, args.n_in, args.in[0].dtype), out(args.out, args.n_out, args.in[0].dtype);
    x = in.take<const T>(p.batch * p.steps * p.inputs);
    w = in.take<const T>(p.inputs * width);
    u = in.take<const T>(p.units * width);
    bias = in.take_if<const T>(p.bias, p.bias_rows * width);
    h0 = in.take_if<const T>(p.state, state);
    c0 = in.take_if<const T>(p.state && has_c, state);
    mask = in.take_mask_if(p.mask, p.batch * p.steps);
    in.finish();
    h = out.take<T>(state);
    c = out.take_if<T>(has_c, state);
    y = out.take_if<T>(sequences, sequence);
    kept.data = out.take_if<T>(train, p.kept * sequence);
    out.finish();
  }
};

// The operands of a gradient op.
template <typename T, typename Kept>
struct BackwardOperands {
  const T *x, *w, *u;
  const T *h0, *c0;     // may be null
  const uint8_t* mask;  // may be null
  Kept kept;
  const T *dy, *dh_after, *dc_after;  // gradients of y and of the last states; may be null
  T* dx;                              // may be null
  T *dw, *du;
  T* dbias;    // may be null
  T *dh, *dc;  // [batch, units]: at the end the gradients of the first states, if these are given; dc: null without c

  NABLA_HOST_INLINE BackwardOperands(KernelArgs& args, const Recurrent& p) : kept(p, nullptr) {
    const double* wanted = args.attr + 5;
    const bool has_c = p.states > 1;
    const int64_t state = p.batch * p.units, sequence = p.steps * state, width = p.gates * p.units;
    const int64_t features = p.batch * p.steps * p.inputs;
    Operands in(args.in, args.n_in, args.in[0].dtype), out(args.out, args.n_out, args.in[0].dtype);
    x = in.take<const T>(features);
    w = in.take<const T>(p.inputs * width);
    u = in.take<const T>(p.units * width);
    h0 = in.take_if<const T>(p.state, state);
    c0 = in.take_if<const T>(p.state && has_c, state);
    mask = in.take_mask_if(p.mask, p.batch * p.steps);
    kept.data = in.take<const T>(p.kept * sequence);
    dy = in.take_if<const T>(wanted[0] != 0, sequence);
    dh_after = in.take_if<const T>(wanted[1] != 0, state);
    dc_after = in.take_if<const T>(has_c && wanted[2] != 0, state);
    in.finish();
    dx = out.take_if<T>(wanted[1 + p.states] != 0, features);
    dw = out.take<T>(p.inputs * width);
    du = out.take<T>(p.units * width);
    dbias = out.take_if<T>(p.bias, p.bias_rows * width);
    dh = p.state ? out.take<T>(state) : args.workspace.array<T>(state);
    dc = !has_c ? nullptr : p.state ? out.take<T>(state) : args.workspace.array<T>(state);
    out.finish();
  }
};

}  // namespace nabla
