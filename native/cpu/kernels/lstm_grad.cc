// The gradient of lstm.cc, from the gates and states that it kept.
#include "cpu/kernels/recurrent_grad.h"
#include "cpu/simd/math.h"

namespace nabla::NABLA_ISA {
namespace {

template <typename T>
struct LstmGradCell {
  static constexpr int kGates[] = {0, 1, 2, 3};
  static constexpr int64_t kColumns = 4, kInput = 0;
  static constexpr bool kCarries = false;

  int64_t units;
  T* dc;        // [batch, units], of the step's c and then of the one before
  const T* c0;  // may be null
  Kept<const T> kept;

  template <typename Lanes>
  NABLA_INLINE Vec<T> step(const Lanes& lanes, const CellPlace& at, Vec<T> dh, T* dz) const {
    const Vec<T> one = Vec<T>::set(1);
    const T* gates = kept.of_gates(at.step, at.row) + at.unit;
    const Vec<T> i = lanes.load(gates), f = lanes.load(gates + units);
    const Vec<T> g = lanes.load(gates + 2 * units), o = lanes.load(gates + 3 * units);
    const Vec<T> t = tanh(lanes.load(kept.c(at.step, at.row) + at.unit));
    const int64_t own = at.row * units + at.unit;
    const T* const before = at.step > 0 ? kept.c(at.step - 1, at.row) + at.unit : c0 ? c0 + own : nullptr;
    const Vec<T> slope = fma(dh * o, one - t * t, lanes.load(dc + own));
    lanes.store(dc + own, slope * f);
    lanes.store(dz, slope * g * (i * (one - i)));
    lanes.store(dz + units, before ? slope * lanes.load(before) * (f * (one - f)) : Vec<T>::zero());
    lanes.store(dz + 2 * units, slope * i * (one - g * g));
    lanes.store(dz + 3 * units, dh * t * (o * (one - o)));
    return Vec<T>::zero();
  }
};

template <typename T>
void backward(KernelArgs& args, const Recurrent& p) {
  const RecurrentBackward<T> f(args, p);
  for (int64_t i = 0; i < p.batch * p.units; ++i) f.dc[i] = f.dc_after ? f.dc_after[i] : 0;
  const SumGradients<T> dz(args, p, 4 * p.units);
  recur_backward(args, p, f, dz, f.dbias, LstmGradCell<T>{p.units, f.dc, f.c0, f.kept});
  const WeightGradients<T> gradients{args, p, dz};
  gradients.recurrent(f.kept.h(0, 0), f.h0, 0, 4 * p.units, f.du);
  gradients.input(f.x, 0, f.dw);
}

}  // namespace

void lstmGrad(KernelArgs& args) {
  const Recurrent p = recurrent_of(args, kLstm, 9);
  args.in[0].dtype == DType::float32 ? backward<float>(args, p) : backward<double>(args, p);
}

}  // namespace nabla::NABLA_ISA
