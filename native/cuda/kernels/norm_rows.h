// What layer_norm.cu and rms_norm.cu share: each row of `columns` elements is normalised by itself. A row is read from
// memory once if its team can keep it. rmsNorm is the form without a mean.
#pragma once
#include "core/norm_rows.h"
#include "cuda/kernels/float_math.h"
#include "cuda/kernels/partial_sums.h"
#include "cuda/kernels/row_team.h"
#include "cuda/queue.h"

namespace nabla::cuda {

template <typename T>
struct Normalization {
  const T *x, *gamma, *beta;  // gamma and beta may be null
  T *y, *mean, *reciprocal;   // mean only if centered
  T epsilon;
};

// y = (x - mean) / deviation * gamma + beta
template <typename T, bool centered>
__global__ void __launch_bounds__(kMostTeamThreads, 1) normalize_rows_kernel(Normalization<T> p, RowLayout rows) {
  DYN_SHARED(shared);
  const RowTeam team = rows.team;
  const int64_t row = team.row(), begin = row * rows.columns;
  const uint32_t n = row < rows.rows ? rows.columns : 0;
  const T count = static_cast<T>(rows.columns), *x = p.x + begin;
  T *y = p.y + begin, *kept = rows.kept_row<T>(shared), sum = 0;
  rows.for_row<T>(n, [&](uint32_t j, auto width) {
    const auto v = load_elements<width.value>(x + j);
    if (rows.kept) store_elements(kept + j, v);
    for (int i = 0; i < width.value; ++i) sum = centered ? sum + v[i] : fma_of(v[i], v[i], sum);
  });
  sum = team.fold(sum, AddOp());
  if (rows.kept) x = kept;

  T mean = 0, variance = sum / count;
  if (centered) {
    mean = sum / count;
    // What rounding left of the differences' sum corrects both results.
    Two<T> rest = {0, 0};
    rows.for_row<T>(n, [&](uint32_t j, auto width) {
      const auto v = load_elements<width.value>(x + j);
      for (int i = 0; i < width.value; ++i) {
        const T d = v[i] - mean;
        rest = {rest.a + d, fma_of(d, d, rest.b)};
      }
    });
    rest = team.fold(rest, AddTwo());
    const T left = rest.a / count;
    mean += left;
    variance = rest.b / count - left * left;
    if (variance < 0) variance = 0;
  }
  const T scale = 1 / sqrt_of(variance + p.epsilon);
  if (n > 0 && team.rank() == 0) {
    if (centered) p.mean[row] = mean;
    p.reciprocal[row] = scale;
  }
  rows.for_row<T>(n, [&](uint32_t j, auto width) {
    auto v = load_elements<width.value>(x + j);
    for (int i = 0; i < width.value; ++i) v[i] = (v[i] - mean) * scale;
    if (p.gamma) {
      const auto gamma = load_elements<width.value>(p.gamma + j);
      for (int i = 0; i < width.value; ++i) v[i] *= gamma[i];
    }
    if (p.beta) {
      const auto beta = load_elements<width.value>(p.beta + j);
      for (int i = 0; i < width.value; ++i) v[i] += beta[i];
    }
    store_elements(y + j, v);
  });
}

template <typename T, bool centered>
void normalize_rows(KernelArgs& args, const NormRows& rows, const Normalization<T>& p) {
  const int64_t bytes = rows.columns * static_cast<int64_t>(sizeof(T));
  const RowLayout layout = layout_rows<T>(rows.rows, rows.columns, bytes, {p.x, p.y, p.gamma, p.beta});
  launch(normalize_rows_kernel<T, centered>, layout.grid(), layout.team.threads, layout.shared_bytes(bytes),
         queue_of(args).stream(), p, layout);
}

template <typename T>
struct NormGradient {
  const T *x, *dy, *mean, *reciprocal, *gamma;  // mean and gamma may be null
  T* dx;
  T* partial = nullptr;       // of each block: the sums for dgamma and, if centered, for dbeta
  bool kept_sums = false;     // shared memory has room for them
  int64_t rows_of_block = 1;  // a multiple of the block's teams
};

// dx = (w - mean(w) - z * mean(w * z)) / deviation, where z = (x - mean) / deviation and w = dy * gamma; the sums are
// of dy * z and of dy. Threads keep to the same columns in all rows, so that they need no barrier to add to the sums.
template <typename T, bool centered>
__global__ void __launch_bounds__(kMostTeamThreads, 1) norm_gradient_kernel(NormGradient<T> p, RowLayout rows) {
  DYN_SHARED(shared);
  const RowTeam team = rows.team;
  const uint32_t columns = rows.columns;
  const T count = static_cast<T>(columns);
  T *kept_x = rows.kept_row<T>(shared), *kept_dy = rows.kept_row<T>(shared, 1), *all_sums = nullptr,
    *gamma_sums = nullptr;
  const uint32_t width_of_sums = centered ? 2 * columns : columns;
  if (p.partial) {
    all_sums = p.kept_sums ? reinterpret_cast<T*>(shared) + int64_t{2 * team.per_block()} * columns
                           : p.partial + int64_t{blockIdx.x} * width_of_sums;
    gamma_sums = all_sums + int64_t{team.slot()} * width_of_sums;
    rows.for_row<T>(columns, [&](uint32_t j, auto width) {
      RowPack<T, width.value> zero;
      for (int i = 0; i < width.value; ++i) zero[i] = 0;
      store_elements(gamma_sums + j, zero);
      if (centered) store_elements(gamma_sums + columns + j, zero);
    });
  }

  const int64_t first = int64_t{blockIdx.x} * p.rows_of_block;
  for (int64_t done = 0; done < p.rows_of_block; done += team.per_block()) {
    const int64_t row = first + done + team.slot(), begin = row * columns;
    const uint32_t n = row < rows.rows ? columns : 0;
    const T *x = p.x + begin, *dy = p.dy + begin;
    T* dx = p.dx + begin;
    const T mean = centered && n > 0 ? p.mean[row] : T(0), scale = n > 0 ? p.reciprocal[row] : T(0);
    Two<T> sum = {0, 0};
    rows.for_row<T>(n, [&](uint32_t j, auto width) {
      auto z = load_elements<width.value>(x + j), slope = load_elements<width.value>(dy + j);
      if (rows.kept) {
        store_elements(kept_x + j, z);
        store_elements(kept_dy + j, slope);
      }
      for (int i = 0; i < width.value; ++i) z[i] = (z[i] - mean) * scale;
      if (gamma_sums) {
        auto sums = load_elements<width.value>(gamma_sums + j);
        for (int i = 0; i < width.value; ++i) sums[i] = fma_of(slope[i], z[i], sums[i]);
        store_elements(gamma_sums + j, sums);
        if (centered) {
          sums = load_elements<width.value>(gamma_sums + columns + j);
          for (int i = 0; i < width.value; ++i) sums[i] += slope[i];
          store_elements(gamma_sums + columns + j, sums);
        }
      }
      if (p.gamma) {
        const auto gamma = load_elements<width.value>(p.gamma + j);
        for (int i = 0; i < width.value; ++i) slope[i] *= gamma[i];
      }
      for (int i = 0; i < width.value; ++i) sum = {sum.a + slope[i], fma_of(slope[i], z[i], sum.b)};
    });
    sum = team.fold(sum, AddTwo());
    if (rows.kept) {
      x = kept_x;
      dy = kept_dy;
    }
    const T mean_w = centered ? sum.a / count : T(0), mean_wz = sum.b / count;
    rows.for_row<T>(n, [&](uint32_t j, auto width) {
      const auto v = load_elements<width.value>(x + j);
      auto w = load_elements<width.value>(dy + j);
      if (p.gamma) {
        const auto gamma = load_elements<width.value>(p.gamma + j);
        for (int i = 0; i < width.value; ++i) w[i] *= gamma[i];
      }
      for (int i = 0; i < width.value; ++i) w[i] = (w[i] - mean_w - (v[i] - mean) * scale * mean_wz) * scale;
      store_elements(dx + j, w);
    });
  }
  if (!p.partial || !p.kept_sums) return;
  __syncthreads();
  for (uint32_t j = threadIdx.x; j < width_of_sums; j += blockDim.x) {
    T total = 0;
    for (int slot = 0; slot < team.per_block(); ++slot) total += all_sums[int64_t{slot} * width_of_sums + j];
    p.partial[int64_t{blockIdx.x} * width_of_sums + j] = total;
  }
}

// `dgamma` null: dx alone.
template <typename T, bool centered>
void norm_gradient(KernelArgs& args, const NormRows& rows, NormGradient<T> p, T* dgamma, T* dbeta) {
  Queue& q = queue_of(args);
  const int64_t n = rows.columns, width = centered ? 2 * n : n, item = static_cast<int64_t>(sizeof(T));
  // What is kept of a row: x, dy and, where there is room, the sums.
  const int64_t row_bytes = 2 * n * item, sum_bytes = dgamma ? width * item : 0;
  p.kept_sums = row_bytes + sum_bytes <= kKeptBytes;
  const int64_t bytes = row_bytes + (p.kept_sums ? sum_bytes : 0);
  const RowLayout layout = layout_rows<T>(rows.rows, n, bytes, {p.x, p.dy, p.dx, p.gamma});
  if (!dgamma) {
    p.rows_of_block = layout.team.per_block();
    launch(norm_gradient_kernel<T, centered>, layout.grid(), layout.team.threads, layout.shared_bytes(bytes),
           q.stream(), p, layout);
    return;
  }
  // Sums of 16 rows and more cost little memory traffic beside the rows.
  int64_t blocks = rows.rows / 16;
  if (blocks > 1024) blocks = 1024;
  if (blocks < 256) blocks = 256;
  const int64_t teams = layout.team.per_block(), rows_of_team = (rows.rows + blocks * teams - 1) / (blocks * teams);
  p.rows_of_block = teams * rows_of_team;
  blocks = rows.rows > 0 ? blocks_for(rows.rows, p.rows_of_block) : 0;
  p.partial = args.workspace.array<T>(blocks * width);
  launch(norm_gradient_kernel<T, centered>, static_cast<unsigned>(blocks), layout.team.threads,
         layout.shared_bytes(bytes), q.stream(), p, layout);
  add_partial_sums(q.stream(), p.partial, blocks, width, dgamma, n);
  if (centered) add_partial_sums(q.stream(), p.partial + n, blocks, width, dbeta, n);
}

}  // namespace nabla::cuda
