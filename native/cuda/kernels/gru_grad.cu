// The gradient of gru.cu, from the gates and states that it kept.
#include "cuda/kernels/recurrent_grad.h"

namespace nabla::cuda {
namespace {

// The columns of dz: the candidate's sum over h, then the gates z and r, whose sums are over both, then the candidate's
// sum over x. So the columns of U and those of W are neighbours.
template <typename T>
struct GruGradCell {
  static constexpr int kColumns = 4;
  static constexpr bool kCarries = true;

  KeptGates<const T, 4> gates;  // z, r, the candidate, and the part of its sum that r multiplies
  const T* h_before;            // may be null

  __device__ T step(const CellPlace& at, T dh, const SumGradientsOf<T>& dz) const {
    const T z = gates(at, 0), r = gates(at, 1), candidate = gates(at, 2), of_h = gates(at, 3);
    const T h = h_before ? h_before[at.at] : T(0);
    const T slope = dh * (1 - z) * (1 - candidate * candidate);
    dz(at, 0) = slope * r;
    dz(at, 1) = dh * (h - candidate) * (z * (1 - z));
    dz(at, 2) = slope * of_h * (r * (1 - r));
    dz(at, 3) = slope;
    return dh * z;
  }
};

// U's gates z, r and candidate in dz's order: the candidate first.
template <typename T>
__global__ void __launch_bounds__(kRecurrentThreads) candidate_first(const T* u, int units, T* out) {
  const int64_t index = static_cast<int64_t>(blockIdx.x) * kRecurrentThreads + threadIdx.x;
  const int width = 3 * units;
  if (index >= static_cast<int64_t>(width) * units) return;
  const int column = static_cast<int>(index % width);
  out[index] = u[index - column + (column + 2 * units) % width];
}

// dbias [2, 3 * units] from the sums of dz's columns.
template <typename T>
__global__ void __launch_bounds__(kRecurrentThreads) bias_gradients(const T* sums, int units, T* dbias) {
  const int index = static_cast<int>(blockIdx.x) * kRecurrentThreads + static_cast<int>(threadIdx.x);
  if (index >= 6 * units) return;
  const int column = index % (3 * units);
  const bool candidate_of_h = index >= 5 * units;
  dbias[index] = sums[candidate_of_h ? column - 2 * units : column + units];
}

template <typename T>
void backward(KernelArgs& args, const Recurrent& p) {
  const RecurrentBackward<T> f(args, p);
  const int64_t H = p.units, width = 3 * H;
  const int units = static_cast<int>(H);
  cudaStream_t stream = queue_of(args).stream();
  const SumGradients<T> dz(args, p, 4 * H);
  T* const u = args.workspace.array<T>(H * width);
  launch(candidate_first<T>, blocks_for(H * width, kRecurrentThreads), kRecurrentThreads, 0, stream, f.u, units, u);
  recur_backward(args, p, f, dz, u, width, width, [&](int64_t step) {
    return GruGradCell<T>{{f.kept.of_gates(step), units}, step > 0 ? f.kept.h(step - 1) : f.h0};
  });
  const WeightGradients<T> gradients{args, p, dz};
  if (f.dbias) {
    T* const sums = args.workspace.array<T>(4 * H);
    gradients.bias(sums);
    launch(bias_gradients<T>, blocks_for(6 * H, kRecurrentThreads), kRecurrentThreads, 0, stream, sums, units, f.dbias);
  }
  gradients.recurrent(f.kept.h(0), f.h0, H, 2 * H, f.du);
  gradients.recurrent(f.kept.h(0), f.h0, 0, H, f.du + 2 * H);
  gradients.input(f.x, f.w, H, f.dw, f.dx);
}

}  // namespace

void gruGrad(KernelArgs& args) {
  const Recurrent p = recurrent_of(args, kGru, 8);
  args.in[0].dtype == DType::float32 ? backward<float>(args, p) : backward<double>(args, p);
}

}  // namespace nabla::cuda
