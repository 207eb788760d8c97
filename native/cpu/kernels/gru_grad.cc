// The gradient of gru.cc, from the gates and states that it kept.
#include "cpu/kernels/recurrent_grad.h"

namespace nabla::NABLA_ISA {
namespace {

// The columns of dz: the candidate's sum over h, then the gates z and r, whose sums are over both, then the candidate's
// sum over x. So the columns of U and those of W are neighbours.
template <typename T>
struct GruGradCell {
  static constexpr int kGates[] = {2, 0, 1};
  static constexpr int64_t kColumns = 4, kInput = 1;
  static constexpr bool kCarries = true;

  int64_t units;
  const T* h0;  // may be null
  Kept<const T> kept;

  template <typename Lanes>
  NABLA_INLINE Vec<T> step(const Lanes& lanes, const CellPlace& at, Vec<T> dh, T* dz) const {
    const Vec<T> one = Vec<T>::set(1);
    const T* gates = kept.of_gates(at.step, at.row) + at.unit;
    const Vec<T> z = lanes.load(gates), r = lanes.load(gates + units);
    const Vec<T> candidate = lanes.load(gates + 2 * units), of_h = lanes.load(gates + 3 * units);
    const T* const before = at.step > 0 ? kept.h(at.step - 1, at.row) + at.unit
                            : h0        ? h0 + at.row * units + at.unit
                                        : nullptr;
    const Vec<T> h = before ? lanes.load(before) : Vec<T>::zero();
    const Vec<T> slope = dh * (one - z) * (one - candidate * candidate);
    lanes.store(dz, slope * r);
    lanes.store(dz + units, dh * (h - candidate) * (z * (one - z)));
    lanes.store(dz + 2 * units, slope * of_h * (r * (one - r)));
    lanes.store(dz + 3 * units, slope);
    return dh * z;
  }
};

template <typename T>
void backward(KernelArgs& args, const Recurrent& p) {
  const RecurrentBackward<T> f(args, p);
  const int64_t H = p.units;
  const SumGradients<T> dz(args, p, 4 * H);
  T* sums = args.workspace.array<T>(4 * H);
  recur_backward(args, p, f, dz, sums, GruGradCell<T>{H, f.h0, f.kept});
  if (f.dbias) {
    copy_row(sums + H, f.dbias, 3 * H);
    copy_row(sums + H, f.dbias + 3 * H, 2 * H);
    copy_row(sums, f.dbias + 5 * H, H);
  }
  const WeightGradients<T> gradients{args, p, dz};
  gradients.recurrent(f.kept.h(0, 0), f.h0, H, 2 * H, f.du);
  gradients.recurrent(f.kept.h(0, 0), f.h0, 0, H, f.du + 2 * H);
  gradients.input(f.x, H, f.dw);
}

}  // namespace

void gruGrad(KernelArgs& args) {
  const Recurrent p = recurrent_of(args, kGru, 8);
  args.in[0].dtype == DType::float32 ? backward<float>(args, p) : backward<double>(args, p);
}

}  // namespace nabla::NABLA_ISA
