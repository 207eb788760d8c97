// Which kernel multiplies: tensor cores where dtypes and device allow, the multiply-add units otherwise, in tiles that
// suit the shape, with k split among blocks where there would be too few. Only the problem and the device's compute
// capability count, so results are the same from run to run.
#include "cuda/gemm/gemm.h"

#include <algorithm>
#include <type_traits>

#include "cuda/gemm/simt.h"
#include "cuda/gemm/vector.h"

namespace nabla::cuda {
namespace {

constexpr int64_t kManyBlocks = 256;  // keep a large device busy
constexpr int64_t kMaxSplits = 64, kLeastSplit = 256;
constexpr int kThreads = 256;

// c = what finish() makes of the sums of all splits, added up in order.
template <typename T>
__global__ void __launch_bounds__(kThreads)
    sum_splits(const T* partial, int splits, int entries, int m, int n, ProductOutput<T> out) {
  const int64_t elements = static_cast<int64_t>(m) * n;
  const int64_t index = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (index >= elements * entries) return;
  const int entry = static_cast<int>(index / elements), i = static_cast<int>(index % elements);
  const T* const from = partial + entry * elements * splits + i;
  T sum = 0;
#pragma unroll 4
  for (int s = 0; s < splits; ++s) sum += from[s * elements];
  finish(out, sum, entry * out.batch + i / n * out.row + i % n, i % n);
}

// out[entry, row, column] = the operand's element, rows `ld` apart; entries as the batch's, where they differ.
template <typename T, bool kHalves>
__global__ void __launch_bounds__(kThreads)
    pack(Operand from, ProductBatch batch, int rows, int columns, int ld, int64_t count, T* out) {
  const int64_t index = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (index >= count) return;
  const int64_t elements = static_cast<int64_t>(rows) * ld;
  const int entry = static_cast<int>(index / elements);
  const int row = static_cast<int>(index % elements / ld), column = static_cast<int>(index % ld);
  if (column >= columns) return;
  const int64_t at = offsets_of(batch, entry).a + row * from.row + column * from.column;
  out[index] = load_element<T, kHalves>(from.data, from.dtype, at);
}

int64_t ceil_div(int64_t x, int64_t y) { return (x + y - 1) / y; }
int64_t distance(int64_t stride) { return stride < 0 ? -stride : stride; }

template <typename T>
constexpr DType dtype_of() {
  return std::is_same_v<T, float> ? DType::float32 : DType::float64;
}

// How blocks share k, given how many there would be for all of it.
struct Splits {
  int count, k;
};
Splits splits_of(int64_t blocks, int64_t k, int64_t depth) {
  int64_t count = std::min({kManyBlocks / blocks, k / kLeastSplit, kMaxSplits});
  if (count < 2) return {1, static_cast<int>(k)};
  const int64_t each = ceil_div(ceil_div(k, count), depth) * depth;
  return {static_cast<int>(ceil_div(k, each)), static_cast<int>(each)};
}

// `bytes`: what a quad takes.
TiledOperand tiled(const Operand& o, const ProductBatch& batch, const int64_t* batch_stride, bool is_a, int64_t lines,
                   int64_t k, int64_t depth, int64_t bytes) {
  TiledOperand t = {};
  t.data = o.data;
  t.dtype = o.dtype;
  t.line_stride = is_a ? o.row : o.column;
  t.k_stride = is_a ? o.column : o.row;
  t.along_k = t.k_stride == 1 || (t.line_stride != 1 && distance(t.k_stride) <= distance(t.line_stride));
  t.quad_stride = t.along_k ? t.k_stride : t.line_stride;
  t.tile_stride = depth * t.k_stride;
  const int64_t quad = bytes / dtype_size(o.dtype);
  t.whole = t.quad_stride == 1 && reinterpret_cast<uintptr_t>(o.data) % static_cast<uintptr_t>(bytes) == 0;
  if ((t.along_k ? lines : k) > 1) t.whole = t.whole && (t.along_k ? t.line_stride : t.k_stride) % quad == 0;
  for (int d = 0; d < batch.rank; ++d) t.whole = t.whole && (batch.shape[d] == 1 || batch_stride[d] % quad == 0);
  return t;
}

template <typename T>
void finish_splits(Queue& queue, const Product<T>& p, const T* partial, int splits) {
  if (splits == 1) return;
  const int64_t elements = static_cast<int64_t>(p.batch.count) * p.m * p.n;
  launch(sum_splits<T>, blocks_for(elements, kThreads), kThreads, 0, queue.stream(), partial, splits, p.batch.count,
         p.m, p.n, p.out);
}

template <typename T>
T* partial_sums(Workspace& workspace, const Product<T>& p, int splits) {
  if (splits == 1) return nullptr;
  return workspace.template array<T>(static_cast<int64_t>(p.batch.count) * splits * p.m * p.n);
}

// The quads that SimtLoader and the kernels for vectors load.
template <typename T>
int64_t quad_bytes(const Operand& o) {
  return Quad<T>::kSize * dtype_size(o.dtype);
}

template <typename T, bool kHalves>
void multiply_vector(Queue& queue, Workspace& workspace, const Product<T>& p) {
  VectorProduct<T> v = {};
  const TiledOperand a = tiled(p.a, p.batch, p.batch.a_stride, true, p.m, p.k, 1, quad_bytes<T>(p.a));
  const TiledOperand b = tiled(p.b, p.batch, p.batch.b_stride, false, p.n, p.k, 1, quad_bytes<T>(p.b));
  v.vector_is_a = p.m == 1;
  v.lines = v.vector_is_a ? p.n : p.m;
  v.k = p.k;
  v.matrix = v.vector_is_a ? b : a;
  v.vector = v.vector_is_a ? a : b;
  v.batch = p.batch;
  v.out = p.out;
  constexpr int V = Quad<T>::kSize;
  v.group = 1;
  while (v.group < kWarp && v.group * V < p.k) v.group *= 2;
  const int64_t in_block = v.matrix.along_k ? kVectorThreads / v.group : kWarp * V;
  const int64_t blocks = ceil_div(v.lines, in_block) * p.batch.count;
  const Splits splits = splits_of(blocks, p.k, V);
  v.splits = splits.count;
  v.split_k = splits.k;
  v.partial = partial_sums(workspace, p, splits.count);
  launch(v.matrix.along_k ? dots_with_vector<T, kHalves> : lines_with_vector<T, kHalves>,
         static_cast<unsigned>(blocks * splits.count), kVectorThreads, 0, queue.stream(), v);
  finish_splits(queue, p, v.partial, splits.count);
}

template <typename T>
TiledProduct<T> tiled_product(Workspace& workspace, const Product<T>& p, int64_t blocks, int64_t depth) {
  TiledProduct<T> t = {};
  t.m = p.m;
  t.n = p.n;
  t.k = p.k;
  t.batch = p.batch;
  t.out = p.out;
  const Splits splits = splits_of(blocks, p.k, depth);
  t.splits = splits.count;
  t.split_k = splits.k;
  t.partial = partial_sums(workspace, p, splits.count);
  return t;
}

template <typename T>
int64_t tiles_of(const Product<T>& p, int64_t rows, int64_t columns) {
  return ceil_div(p.m, rows) * ceil_div(p.n, columns) * p.batch.count;
}

// Whether tiles of this size are enough to keep a large device busy, if k is split too.
template <typename T>
bool enough_tiles(const Product<T>& p, int64_t size) {
  if (p.m <= size / 2 || p.n <= size / 2) return false;
  const int64_t tiles = tiles_of(p, size, size);
  return tiles * std::max<int64_t>(p.k / (2 * kLeastSplit), 1) >= kManyBlocks / 2;
}

template <typename Tile, bool kHalves, int kMinBlocks>
void multiply_simt(Queue& queue, Workspace& workspace, const Product<typename Tile::Number>& p) {
  using T = typename Tile::Number;
  const int64_t blocks = tiles_of(p, Tile::BM, Tile::BN);
  TiledProduct<T> t = tiled_product(workspace, p, blocks, Tile::BK);
  t.a = tiled(p.a, p.batch, p.batch.a_stride, true, p.m, p.k, Tile::BK, quad_bytes<T>(p.a));
  t.b = tiled(p.b, p.batch, p.batch.b_stride, false, p.n, p.k, Tile::BK, quad_bytes<T>(p.b));
  launch(simt_product<Tile, kHalves, kMinBlocks>, static_cast<unsigned>(blocks * t.splits), Tile::kThreads, 0,
         queue.stream(), t);
  finish_splits(queue, p, t.partial, t.splits);
}

// Makes of an operand one that tensor cores take: aligned rows, of `dtype`. Entries of the batch that are the same stay
// so.
void pack_operand(Queue& queue, Workspace& workspace, Operand& o, ProductBatch& batch, bool is_a, int lines, int k,
                  DType dtype) {
  int64_t* const strides = is_a ? batch.a_stride : batch.b_stride;
  const TiledOperand t = tiled(o, batch, strides, is_a, lines, k, 1, 16);
  if (t.whole && o.dtype == dtype) return;
  const int rows = t.along_k ? lines : k, columns = t.along_k ? k : lines;
  const int ld = static_cast<int>(ceil_div(columns, 8) * 8);
  const int64_t elements = static_cast<int64_t>(rows) * ld;
  ProductBatch entries = {1, 0, {}, {}, {}};
  int64_t packed_stride[kMaxRank] = {};
  for (int d = batch.rank - 1; d >= 0; --d) {
    if (strides[d] != 0) packed_stride[d] = entries.count * elements, entries.count *= batch.shape[d];
  }
  for (int d = 0; d < batch.rank; ++d) {
    if (strides[d] == 0) continue;
    entries.shape[entries.rank] = batch.shape[d];
    entries.a_stride[entries.rank++] = strides[d];
  }
  const Operand from = {o.data, o.dtype, t.along_k ? t.line_stride : t.k_stride,
                        t.along_k ? t.k_stride : t.line_stride};
  const int64_t count = elements * entries.count;
  void* const to = workspace.get(static_cast<size_t>(count * dtype_size(dtype)));
  if (dtype == DType::float32) {
    launch(pack<float, true>, blocks_for(count, kThreads), kThreads, 0, queue.stream(), from, entries, rows, columns,
           ld, count, static_cast<float*>(to));
  } else {
    launch(pack<uint16_t, false>, blocks_for(count, kThreads), kThreads, 0, queue.stream(), from, entries, rows,
           columns, ld, count, static_cast<uint16_t*>(to));
  }
  std::copy(packed_stride, packed_stride + kMaxRank, strides);
  o = t.along_k == is_a ? Operand{to, dtype, ld, 1} : Operand{to, dtype, 1, ld};
}

// False if these operands are none for tensor cores, or it would not be worth it.
bool try_tensor_cores(Queue& queue, Workspace& workspace, const Product<float>& product) {
  constexpr int kLeast = 16, kWorthPacking = 64;
  Product<float> p = product;
  if (queue.capability() < 80 || std::min({p.m, p.n, p.k}) < kLeast) return false;
  const bool same = p.a.dtype == p.b.dtype;
  const DType dtype = same ? p.a.dtype : DType::float32;
  if (dtype == DType::float32 && !queue.allow_tf32()) return false;
  const int64_t depth = tensor_core_depth(dtype);
  const auto fits = [&] {
    return tiled(p.a, p.batch, p.batch.a_stride, true, p.m, p.k, depth, 16).whole &&
           tiled(p.b, p.batch, p.batch.b_stride, false, p.n, p.k, depth, 16).whole;
  };
  if (!same || !fits()) {
    if (std::min({p.m, p.n, p.k}) < kWorthPacking) return false;
    pack_operand(queue, workspace, p.a, p.batch, true, p.m, p.k, dtype);
    pack_operand(queue, workspace, p.b, p.batch, false, p.n, p.k, dtype);
  }
  const int tile = enough_tiles(p, 128) ? 128 : 64;
  const int64_t blocks = tiles_of(p, tile, tile);
  TiledProduct<float> t = tiled_product(workspace, p, blocks, depth);
  t.a = tiled(p.a, p.batch, p.batch.a_stride, true, p.m, p.k, depth, 16);
  t.b = tiled(p.b, p.batch, p.batch.b_stride, false, p.n, p.k, depth, 16);
  multiply_on_tensor_cores(queue, tile, static_cast<int>(blocks * t.splits), t);
  finish_splits(queue, p, t.partial, t.splits);
  return true;
}

using Large = SimtTile<float, 128, 128, 8, 8, 8>;
using Medium = SimtTile<float, 64, 64, 16, 8, 4>;
using Small = SimtTile<float, 32, 32, 16, 4, 4>;
using MediumDouble = SimtTile<double, 64, 64, 8, 4, 4>;
using SmallDouble = SimtTile<double, 32, 32, 8, 4, 4>;

void multiply_tiles(Queue& queue, Workspace& workspace, const Product<float>& p) {
  if (try_tensor_cores(queue, workspace, p)) return;
  if (p.a.dtype != DType::float32 || p.b.dtype != DType::float32) {
    return enough_tiles(p, 64) ? multiply_simt<Medium, true, 4>(queue, workspace, p)
                               : multiply_simt<Small, true, 8>(queue, workspace, p);
  }
  if (enough_tiles(p, 128)) return multiply_simt<Large, false, 2>(queue, workspace, p);
  if (enough_tiles(p, 64)) return multiply_simt<Medium, false, 4>(queue, workspace, p);
  multiply_simt<Small, false, 8>(queue, workspace, p);
}
void multiply_tiles(Queue& queue, Workspace& workspace, const Product<double>& p) {
  if (enough_tiles(p, 64)) return multiply_simt<MediumDouble, false, 2>(queue, workspace, p);
  multiply_simt<SmallDouble, false, 8>(queue, workspace, p);
}

}  // namespace

template <typename T>
void multiply(Queue& queue, Workspace& workspace, const Product<T>& problem) {
  if (problem.m == 0 || problem.n == 0 || problem.batch.count == 0) return;
  Product<T> p = problem;
  ProductOutput<T>& out = p.out;
  constexpr int V = Quad<T>::kSize;
  out.aligned = out.row % V == 0 && (p.batch.count == 1 || out.batch % V == 0) && aligned16(out.c) &&
                aligned16(out.bias) && aligned16(out.residual) && aligned16(out.z);
  if (p.m == 1 || p.n == 1) {
    if constexpr (std::is_same_v<T, float>) {
      if (p.a.dtype != DType::float32 || p.b.dtype != DType::float32) {
        return multiply_vector<float, true>(queue, workspace, p);
      }
    }
    return multiply_vector<T, false>(queue, workspace, p);
  }
  multiply_tiles(queue, workspace, p);
}

template <typename T>
void gemm(Queue& queue, Workspace& workspace, const Gemm<T>& g) {
  Product<T> p = {};
  p.m = static_cast<int>(g.m);
  p.n = static_cast<int>(g.n);
  p.k = static_cast<int>(g.k);
  p.a = {g.a, dtype_of<T>(), g.a_row, g.a_column};
  p.b = {g.b, dtype_of<T>(), g.b_row, g.b_column};
  p.batch.count = 1;
  p.out.c = g.c;
  p.out.row = g.c_row;
  p.out.bias = g.bias;
  p.out.accumulate = g.accumulate;
  multiply(queue, workspace, p);
}

template void multiply<float>(Queue&, Workspace&, const Product<float>&);
template void multiply<double>(Queue&, Workspace&, const Product<double>&);
template void gemm<float>(Queue&, Workspace&, const Gemm<float>&);
template void gemm<double>(Queue&, Workspace&, const Gemm<double>&);

}  // namespace nabla::cuda
