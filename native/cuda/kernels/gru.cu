// Gated recurrent units (Cho et al., 2014), with the reset gate behind the product, as cuDNN has it.
#include "cuda/kernels/recurrent.h"

namespace nabla::cuda {
namespace {

template <typename T>
struct GruCell {
  // The candidate's sums over x and over h stay apart: r multiplies the second alone.
  GateSums<T> of_x, of_h;
  KeptGates<T, 4> gates;  // z, r, the candidate, and the part of its sum that r multiplies

  __device__ T step(const CellPlace& at, T h) const {
    const T z = math::sigmoid(of_x(at, 0) + of_h(at, 0)), r = math::sigmoid(of_x(at, 1) + of_h(at, 1));
    const T multiplied = of_h(at, 2), candidate = math::tanh(r * multiplied + of_x(at, 2));
    if (gates.data) {
      gates(at, 0) = z;
      gates(at, 1) = r;
      gates(at, 2) = candidate;
      gates(at, 3) = multiplied;
    }
    return z * (h - candidate) + candidate;
  }
  __device__ void carry(const CellPlace&) const {}
};

template <typename T>
void forward(KernelArgs& args, const Recurrent& p) {
  const RecurrentForward<T> f(args, p);
  const int64_t H = p.units, width = 3 * H;
  const T* const sums = input_sums(args, p, f);
  T* const products = args.workspace.array<T>(p.batch * width);
  const T* const bias = f.bias ? f.bias + width : nullptr;
  recur(
      args, p, f,
      [&](int64_t, Workspace& workspace) {
        gemm(queue_of(args), workspace,
             Gemm<T>{p.batch, width, H, f.h, H, 1, f.u, width, 1, products, width, bias, false});
      },
      [&](int64_t step) {
        const int units = static_cast<int>(H);
        return GruCell<T>{{sums + p.time(step) * width, p.steps * width, units},
                          {products, width, units},
                          {f.kept.of_gates(step), units}};
      });
}

}  // namespace

void gru(KernelArgs& args) {
  const Recurrent p = recurrent_of(args, kGru, 7);
  args.in[0].dtype == DType::float32 ? forward<float>(args, p) : forward<double>(args, p);
}

}  // namespace nabla::cuda
