// Long short-term memory (Hochreiter and Schmidhuber, 1997; with forget gates, Gers, Schmidhuber and Cummins, 2000).
#include "cuda/kernels/recurrent.h"

namespace nabla::cuda {
namespace {

template <typename T>
struct LstmCell {
  GateSums<T> sums;
  T* c;                   // [batch, units], of the step before and then of this one
  KeptGates<T, 4> gates;  // i, f, g, o
  T* kept_c;              // may be null

  __device__ T step(const CellPlace& at, T) const {
    const T i = math::sigmoid(sums(at, 0)), f = math::sigmoid(sums(at, 1));
    const T g = math::tanh(sums(at, 2)), o = math::sigmoid(sums(at, 3));
    const T next = f * c[at.at] + i * g;
    c[at.at] = next;
    if (kept_c) {
      gates(at, 0) = i;
      gates(at, 1) = f;
      gates(at, 2) = g;
      gates(at, 3) = o;
      kept_c[at.at] = next;
    }
    return o * math::tanh(next);
  }
  __device__ void carry(const CellPlace& at) const {
    if (kept_c) kept_c[at.at] = c[at.at];
  }
};

template <typename T>
void forward(KernelArgs& args, const Recurrent& p) {
  const RecurrentForward<T> f(args, p);
  Queue& queue = queue_of(args);
  const int64_t H = p.units, width = 4 * H, row = p.steps * width;
  copy_or_clear(queue, f.c, f.c0, p.batch * H);
  T* const sums = input_sums(args, p, f);
  recur(
      args, p, f,
      [&](int64_t step, Workspace& workspace) {
        T* const own = sums + p.time(step) * width;
        gemm(queue, workspace, Gemm<T>{p.batch, width, H, f.h, H, 1, f.u, width, 1, own, row, nullptr, true});
      },
      [&](int64_t step) {
        const int units = static_cast<int>(H);
        return LstmCell<T>{
            {sums + p.time(step) * width, row, units}, f.c, {f.kept.of_gates(step), units}, f.kept.c(step)};
      });
}

}  // namespace

void lstm(KernelArgs& args) {
  const Recurrent p = recurrent_of(args, kLstm, 7);
  args.in[0].dtype == DType::float32 ? forward<float>(args, p) : forward<double>(args, p);
}

}  // namespace nabla::cuda
