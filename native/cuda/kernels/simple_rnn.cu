// Fully connected recurrent units (Elman, 1990).
#include "cuda/kernels/recurrent.h"

namespace nabla::cuda {
namespace {

template <typename T>
struct SimpleRnnCell {
  GateSums<T> sums;
  bool relu;  // or tanh

  __device__ T step(const CellPlace& at, T) const { return relu ? relu_of(sums(at, 0)) : math::tanh(sums(at, 0)); }
  __device__ void carry(const CellPlace&) const {}
};

template <typename T>
void forward(KernelArgs& args, const Recurrent& p, Activation activation) {
  const RecurrentForward<T> f(args, p);
  const int64_t H = p.units, row = p.steps * H;
  T* const sums = input_sums(args, p, f);
  recur(
      args, p, f,
      [&](int64_t step, Workspace& workspace) {
        gemm(queue_of(args), workspace,
             Gemm<T>{p.batch, H, H, f.h, H, 1, f.u, H, 1, sums + p.time(step) * H, row, nullptr, true});
      },
      [&](int64_t step) {
        return SimpleRnnCell<T>{{sums + p.time(step) * H, row, static_cast<int>(H)}, activation == Activation::relu};
      });
}

}  // namespace

void simpleRnn(KernelArgs& args) {
  const Recurrent p = recurrent_of(args, kSimpleRnn, 8);
  const Activation activation = cell_activation(args.attr[7]);
  args.in[0].dtype == DType::float32 ? forward<float>(args, p, activation) : forward<double>(args, p, activation);
}

}  // namespace nabla::cuda
