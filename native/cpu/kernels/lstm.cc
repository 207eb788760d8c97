// Long short-term memory (Hochreiter and Schmidhuber, 1997; with forget gates, Gers, Schmidhuber and Cummins, 2000).
#include "cpu/kernels/recurrent.h"
#include "cpu/simd/math.h"

namespace nabla::NABLA_ISA {
namespace {

template <typename T>
struct LstmCell {
  static constexpr GateBlock kBlocks[] = {{0, true, true}, {1, true, true}, {2, true, true}, {3, true, true}};
  static constexpr int64_t NR = TileShape<T>::NR;

  int64_t units;
  T* c;          // [batch, units], of the step before and then of this one
  Kept<T> kept;  // i, f, g, o

  template <typename Lanes>
  NABLA_INLINE void open(const Lanes& lanes, const CellPlace& at, T* z) const {
    const Vec<T> i = sigmoid(lanes.load(z)), f = sigmoid(lanes.load(z + NR));
    const Vec<T> g = tanh(lanes.load(z + 2 * NR)), o = sigmoid(lanes.load(z + 3 * NR));
    lanes.store(z, i);
    lanes.store(z + NR, f);
    lanes.store(z + 2 * NR, g);
    lanes.store(z + 3 * NR, o);
    if (!kept.data) return;
    T* gates = kept.of_gates(at.step, at.row) + at.unit;
    lanes.store(gates, i);
    lanes.store(gates + units, f);
    lanes.store(gates + 2 * units, g);
    lanes.store(gates + 3 * units, o);
  }
  template <typename Lanes>
  NABLA_INLINE Vec<T> step(const Lanes& lanes, const CellPlace& at, const T* gates, const T*) const {
    const Vec<T> i = lanes.load(gates), f = lanes.load(gates + NR);
    const Vec<T> g = lanes.load(gates + 2 * NR), o = lanes.load(gates + 3 * NR);
    T* own = c + at.row * units + at.unit;
    const Vec<T> next = fma(f, lanes.load(own), i * g);
    lanes.store(own, next);
    if (kept.data) lanes.store(kept.c(at.step, at.row) + at.unit, next);
    return o * tanh(next);
  }
  template <typename Lanes>
  NABLA_INLINE void carry(const Lanes& lanes, const CellPlace& at) const {
    if (kept.data) lanes.store(kept.c(at.step, at.row) + at.unit, lanes.load(c + at.row * units + at.unit));
  }
  NABLA_INLINE void fetch(const CellPlace& at, int64_t n) const { fetch_lines(c + at.row * units + at.unit, n); }
};

template <typename T>
void forward(KernelArgs& args, const Recurrent& p) {
  const RecurrentForward<T> f(args, p);
  for (int64_t i = 0; i < p.batch * p.units; ++i) f.c[i] = f.c0 ? f.c0[i] : 0;
  const T* biases[4];
  for (int g = 0; g < 4; ++g) biases[g] = f.bias ? f.bias + g * p.units : nullptr;
  recur(args, p, f, biases, LstmCell<T>{p.units, f.c, f.kept});
}

}  // namespace

void lstm(KernelArgs& args) {
  const Recurrent p = recurrent_of(args, kLstm, 7);
  args.in[0].dtype == DType::float32 ? forward<float>(args, p) : forward<double>(args, p);
}

}  // namespace nabla::NABLA_ISA
