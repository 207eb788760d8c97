// Softmax and cross-entropy in one: loss = sum_j t_j (logSumExp - x_j) for each row x of logits. The target t is
// (1 - s) * onehot(label) + s / C, or (1 - s) * probabilities + s / C, with label smoothing s.
#include <string>

#include "core/cross_entropy.h"
#include "cuda/kernels/softmax_rows.h"
#include "cuda/queue.h"

namespace nabla::cuda {
namespace {

FaultWord* label_fault(Queue& q, const CrossEntropy& p) {
  if (!p.by_label || p.rows == 0) return nullptr;
  return q.fault(ErrorKind::index, [columns = p.columns](int64_t position, int32_t label) {
    return "label " + std::to_string(label) + " at position " + std::to_string(position) + " is outside [0, " +
           std::to_string(columns) + ")";
  });
}

// The target of one row is a constant, plus a share of the probabilities or of the one at the label.
template <typename T>
struct Target {
  T everywhere, share, smoothing;
  const int32_t* labels;
  const T* probabilities;  // without labels
  FaultWord* fault;

  Target(const KernelArgs& args, const CrossEntropy& p, FaultWord* fault_word)
      : everywhere(static_cast<T>(p.smoothing / static_cast<double>(p.columns))),
        share(static_cast<T>(1 - p.smoothing)),
        smoothing(static_cast<T>(p.smoothing)),
        labels(p.by_label ? args.in[1].as<const int32_t>() : nullptr),
        probabilities(p.by_label ? nullptr : args.in[1].as<const T>()),
        fault(fault_word) {}
  __device__ T of(T probability) const { return fma_of(probability, share, everywhere); }
};

// The row's label; one outside is reported, and the first is taken for it.
template <typename T>
__device__ uint32_t label_of(const Target<T>& target, const RowLayout& rows, int64_t row) {
  const int32_t label = target.labels[row];
  const bool inside = label >= 0 && static_cast<uint32_t>(label) < rows.columns;
  if (!inside && rows.team.rank() == 0) report_fault(target.fault, row, label);
  return inside ? static_cast<uint32_t>(label) : 0;
}

template <typename T>
__global__ void __launch_bounds__(kMostTeamThreads, 1)
    cross_entropy_kernel(const T* __restrict__ logits, Target<T> target, T* __restrict__ loss,
                         T* __restrict__ log_sum_exp, RowLayout rows) {
  DYN_SHARED(shared);
  const int64_t row = rows.team.row(), begin = row * rows.columns;
  const uint32_t n = row < rows.rows ? rows.columns : 0;
  const T* x = logits + begin;
  T* kept = rows.kept_row<T>(shared);
  const T greatest = row_max(rows, x, n, kept);
  const T* again = rows.kept ? kept : x;
  const T log_sum = log_of(sum_of_exp(rows, again, n, greatest, [](uint32_t, const auto&) {}));
  T result = 0;
  if (target.labels) {
    T total = 0;
    if (target.smoothing != 0) {
      rows.for_row<T>(n, [&](uint32_t j, auto width) {
        const auto v = load_elements<width.value>(again + j);
        for (int i = 0; i < width.value; ++i) total += greatest - v[i];
      });
      total = rows.team.fold(total, AddOp());
    }
    if (n > 0) {
      const T at_label = greatest - x[label_of(target, rows, row)] + log_sum;
      result = target.smoothing == 0
                   ? at_label
                   : target.share * at_label + target.everywhere * (total + static_cast<T>(n) * log_sum);
    }
  } else {
    const T* probability = target.probabilities + begin;
    rows.for_row<T>(n, [&](uint32_t j, auto width) {
      const auto v = load_elements<width.value>(again + j), p = load_elements<width.value>(probability + j);
      for (int i = 0; i < width.value; ++i) {
        // What has no probability costs nothing, even where the logit is -inf.
        const T t = target.of(p[i]);
        result += t == 0 ? T(0) : t * (greatest - v[i] + log_sum);
      }
    });
    result = rows.team.fold(result, AddOp());
  }
  if (n > 0 && rows.team.rank() == 0) {
    loss[row] = result;
    log_sum_exp[row] = greatest + log_sum;
  }
}

// dx = dloss * (softmax(x) * sum(t) - t)
template <typename T>
__global__ void __launch_bounds__(kMostTeamThreads, 1)
    cross_entropy_grad_kernel(const T* __restrict__ logits, Target<T> target, const T* __restrict__ log_sum_exp,
                              const T* __restrict__ dloss, T* __restrict__ out, RowLayout rows) {
  DYN_SHARED(shared);
  const int64_t row = rows.team.row(), begin = row * rows.columns;
  const uint32_t n = row < rows.rows ? rows.columns : 0;
  const T* x = logits + begin;
  T* dx = out + begin;
  const T shift = n > 0 ? log_sum_exp[row] : T(0), scale = n > 0 ? dloss[row] : T(0);
  if (target.labels) {
    const uint32_t label = n > 0 ? label_of(target, rows, row) : 0;
    rows.for_row<T>(n, [&](uint32_t j, auto width) {
      auto v = load_elements<width.value>(x + j);
      for (int i = 0; i < width.value; ++i) {
        v[i] = (exp_of(v[i] - shift) - target.everywhere) * scale;
        if (j + i == label) v[i] -= target.share * scale;
      }
      store_elements(dx + j, v);
    });
    return;
  }
  const T* probability = target.probabilities + begin;
  T* kept = rows.kept_row<T>(shared);
  T total = 0;
  rows.for_row<T>(n, [&](uint32_t j, auto width) {
    const auto p = load_elements<width.value>(probability + j);
    if (rows.kept) store_elements(kept + j, p);
    for (int i = 0; i < width.value; ++i) total += p[i];
  });
  const T sum = target.share * rows.team.fold(total, AddOp()) + target.smoothing;
  if (rows.kept) probability = kept;
  rows.for_row<T>(n, [&](uint32_t j, auto width) {
    auto v = load_elements<width.value>(x + j);
    const auto p = load_elements<width.value>(probability + j);
    for (int i = 0; i < width.value; ++i) v[i] = (exp_of(v[i] - shift) * sum - target.of(p[i])) * scale;
    store_elements(dx + j, v);
  });
}

template <typename T>
void forward(KernelArgs& args, const CrossEntropy& p) {
  Queue& q = queue_of(args);
  const T* logits = args.in[0].as<const T>();
  const Target<T> target(args, p, label_fault(q, p));
  const int64_t bytes = p.columns * static_cast<int64_t>(sizeof(T));
  const RowLayout layout = layout_rows<T>(p.rows, p.columns, bytes, {logits, target.probabilities});
  launch(cross_entropy_kernel<T>, layout.grid(), layout.team.threads, layout.shared_bytes(bytes), q.stream(), logits,
         target, args.out[0].as<T>(), args.out[1].as<T>(), layout);
}

template <typename T>
void backward(KernelArgs& args, const CrossEntropy& p) {
  Queue& q = queue_of(args);
  const T* logits = args.in[0].as<const T>();
  T* dx = args.out[0].as<T>();
  const Target<T> target(args, p, label_fault(q, p));
  const int64_t bytes = p.columns * static_cast<int64_t>(sizeof(T));
  const RowLayout layout = layout_rows<T>(p.rows, p.columns, bytes, {logits, target.probabilities, dx});
  launch(cross_entropy_grad_kernel<T>, layout.grid(), layout.team.threads, p.by_label ? 0 : layout.shared_bytes(bytes),
         q.stream(), logits, target, args.in[2].as<const T>(), args.in[3].as<const T>(), dx, layout);
}

}  // namespace

void softmaxCrossEntropy(KernelArgs& args) {
  const CrossEntropy p = cross_entropy_forward(args);
  args.in[0].dtype == DType::float32 ? forward<float>(args, p) : forward<double>(args, p);
}

void softmaxCrossEntropyGrad(KernelArgs& args) {
  const CrossEntropy p = cross_entropy_backward(args);
  args.in[0].dtype == DType::float32 ? backward<float>(args, p) : backward<double>(args, p);
}

}  // namespace nabla::cuda
