// Matrix products by tensor cores (compute capability 8.0 and more): tiles come by asynchronous copies, three stages
// deep, and are multiplied in fragments (cuda/mma.h).
#include "cuda/gemm/tiles.h"
#include "cuda/mma.h"

namespace nabla::cuda {
namespace {

struct Tf32 {
  using Element = float;
  static constexpr int kDepth = 8, kPad = 8;  // of one multiplication; added to rows of lines in shared memory
};
struct BFloat16Pairs {
  using Element = uint16_t;
  static constexpr int kDepth = 16, kPad = 8;
  __device__ static void multiply(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
    mma_m16n8k16_bf16(c, a, b);
  }
};
struct Float16Pairs {
  using Element = uint16_t;
  static constexpr int kDepth = 16, kPad = 8;
  __device__ static void multiply(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
    mma_m16n8k16_f16(c, a, b);
  }
};

// An operand's tile in shared memory: 64 bytes of k for each of kLines lines. Rows have 16 or 32 bytes more than they
// need, so that a fragment's elements lie in different banks.
template <typename Format, int kLines, bool kAlongK, int kThreads>
struct OperandTile {
  using Element = typename Format::Element;
  static constexpr int kChunk = static_cast<int>(16 / sizeof(Element)), kDepth = 4 * kChunk;
  static constexpr int kRow = kAlongK ? kDepth + kChunk : kLines + Format::kPad;  // elements from one row to the next
  static constexpr int kElements = kRow * (kAlongK ? kLines : kDepth);
  static constexpr int kCopies = kLines * kDepth / kChunk / kThreads;

  // Begins to copy the tile from `line` and `k` on; what lies outside of the matrix is 0.
  __device__ __forceinline__ static void copy(Element* tile, const TiledOperand& from, int64_t begin, int line,
                                              int lines, int k, int k_end) {
    const Element* const data = static_cast<const Element*>(from.data);
#pragma unroll
    for (int i = 0; i < kCopies; ++i) {
      const int unit = static_cast<int>(threadIdx.x) + i * kThreads;
      constexpr int kInRow = (kAlongK ? kDepth : kLines) / kChunk;
      const int row = unit / kInRow, column = unit % kInRow * kChunk;
      const int own_line = line + (kAlongK ? row : column), own_k = k + (kAlongK ? column : row);
      const bool outside = own_line >= lines || own_k >= k_end;
      const int inside = outside ? 0 : min(kAlongK ? k_end - own_k : lines - own_line, kChunk);
      const int64_t at = outside ? 0 : begin + own_line * from.line_stride + own_k * from.k_stride;
      cp_async16(tile + row * kRow + column, data + at, inside * static_cast<int>(sizeof(Element)));
    }
  }
  __device__ __forceinline__ static int place(int line, int k) { return kAlongK ? line * kRow + k : k * kRow + line; }
};

template <typename Format, typename Tile>
__device__ __forceinline__ void load_a(uint32_t (&a)[4], const typename Tile::Element* tile, int line, int k, int lane,
                                       bool along_k) {
  if constexpr (sizeof(typename Tile::Element) == 4) {
    const int g = lane / 4, t = lane % 4;
#pragma unroll
    for (int i = 0; i < 4; ++i) a[i] = round_tf32(tile[Tile::place(line + g + i % 2 * 8, k + t + i / 2 * 4)]);
  } else {
    const int i = lane / 8, r = lane % 8;
    if (along_k) {
      load_matrices<false>(a, tile + Tile::place(line + i % 2 * 8 + r, k + i / 2 * 8));
    } else {
      load_matrices<true>(a, tile + Tile::place(line + i % 2 * 8, k + i / 2 * 8 + r));
    }
  }
}
// The fragments of 16 columns.
template <typename Format, typename Tile>
__device__ __forceinline__ void load_b(uint32_t (&b0)[2], uint32_t (&b1)[2], const typename Tile::Element* tile,
                                       int line, int k, int lane, bool along_k) {
  if constexpr (sizeof(typename Tile::Element) == 4) {
    const int g = lane / 4, t = lane % 4;
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      b0[i] = round_tf32(tile[Tile::place(line + g, k + t + i * 4)]);
      b1[i] = round_tf32(tile[Tile::place(line + 8 + g, k + t + i * 4)]);
    }
  } else {
    const int i = lane / 8, r = lane % 8;
    uint32_t both[4];
    if (along_k) {
      load_matrices<false>(both, tile + Tile::place(line + i / 2 * 8 + r, k + i % 2 * 8));
    } else {
      load_matrices<true>(both, tile + Tile::place(line + i / 2 * 8, k + i % 2 * 8 + r));
    }
    b0[0] = both[0], b0[1] = both[1], b1[0] = both[2], b1[1] = both[3];
  }
}

// kWM x kWN of C for each warp.
template <typename Format, bool kAAlongK, bool kBAlongK, int kSize, int kWM, int kWN>
struct TensorCoreTile {
  static constexpr int kThreads = kSize / kWM * (kSize / kWN) * kWarp, kWarpRows = kSize / kWM;
  static constexpr int kStages = 3, kMI = kWM / 16, kNI = kWN / 8;
  using A = OperandTile<Format, kSize, kAAlongK, kThreads>;
  using B = OperandTile<Format, kSize, kBAlongK, kThreads>;
  static constexpr size_t kSharedBytes =
      kStages * static_cast<size_t>(A::kElements + B::kElements) * sizeof(typename Format::Element);
  // Rows of C that are staged in shared memory at a time, 16 of each row of warps.
  static constexpr int kStageRow = kSize + 8;
  static_assert(kWarpRows * 16 * kStageRow * sizeof(float) <= kSharedBytes, "the stage must fit");
};

template <typename Format, bool kAAlongK, bool kBAlongK, int kSize, int kWM, int kWN>
__global__ void __launch_bounds__(TensorCoreTile<Format, kAAlongK, kBAlongK, kSize, kWM, kWN>::kThreads, 2)
    tensor_core_product(TiledProduct<float> p) {
  using Tile = TensorCoreTile<Format, kAAlongK, kBAlongK, kSize, kWM, kWN>;
  using A = typename Tile::A;
  using B = typename Tile::B;
  using Element = typename Format::Element;
  constexpr int kStages = Tile::kStages, kMI = Tile::kMI, kNI = Tile::kNI, kDepth = A::kDepth;
  constexpr int kTurn = A::kElements + B::kElements;
  DYN_SHARED(bytes);
  Element* const shared = reinterpret_cast<Element*>(bytes);

  const TilePlace at = tile_place<kSize, kSize>(p);
  const int k_end = at.k + min(p.split_k, p.k - at.k), steps = (k_end - at.k + kDepth - 1) / kDepth;
  const BatchOffsets offsets = offsets_of(p.batch, at.entry);
  const int lane = static_cast<int>(threadIdx.x) % kWarp, warp = static_cast<int>(threadIdx.x) / kWarp;
  const int row = warp % Tile::kWarpRows * kWM, column = warp / Tile::kWarpRows * kWN;
  float sums[kMI][kNI][4] = {};

  // A group for each step, also where there is nothing to copy any more, so that waiting counts them right.
  const auto copy = [&](int step) {
    if (step < steps) {
      Element* const turn = shared + step % kStages * kTurn;
      const int k = at.k + step * kDepth;
      A::copy(turn, p.a, offsets.a, at.row, p.m, k, k_end);
      B::copy(turn + A::kElements, p.b, offsets.b, at.column, p.n, k, k_end);
    }
    cp_async_commit();
  };
#pragma unroll
  for (int step = 0; step < kStages - 1; ++step) copy(step);
#pragma unroll 1
  for (int step = 0; step < steps; ++step) {
    cp_async_wait<kStages - 2>();
    __syncthreads();  // all have waited for their copies of this step, and have read those that the next replace
    copy(step + kStages - 1);
    const Element* const a_tile = shared + step % kStages * kTurn;
    const Element* const b_tile = a_tile + A::kElements;
#pragma unroll
    for (int k = 0; k < kDepth; k += Format::kDepth) {
      uint32_t a[kMI][4], b[kNI][2];
#pragma unroll
      for (int i = 0; i < kMI; ++i) load_a<Format, A>(a[i], a_tile, row + i * 16, k, lane, kAAlongK);
#pragma unroll
      for (int j = 0; j < kNI; j += 2) load_b<Format, B>(b[j], b[j + 1], b_tile, column + j * 8, k, lane, kBAlongK);
#pragma unroll
      for (int i = 0; i < kMI; ++i) {
#pragma unroll
        for (int j = 0; j < kNI; ++j) {
          if constexpr (sizeof(Element) == 4) {
            mma_m16n8k8_tf32(sums[i][j], a[i], b[j]);
          } else {
            Format::multiply(sums[i][j], a[i], b[j]);
          }
        }
      }
    }
  }
  __syncthreads();

  // Through shared memory, 16 rows of each warp at a time: accesses of C are coalesced, and the code of the activations
  // is there once.
  float* const stage = reinterpret_cast<float*>(bytes);
#pragma unroll 1
  for (int turn = 0; turn < kMI; ++turn) {
#pragma unroll
    for (int i = 0; i < kMI; ++i) {
      if (i != turn) continue;
#pragma unroll
      for (int j = 0; j < kNI; ++j) {
        float* const to =
            stage + (warp % Tile::kWarpRows * 16 + lane / 4) * Tile::kStageRow + column + j * 8 + lane % 4 * 2;
        *reinterpret_cast<float2*>(to) = make_float2(sums[i][j][0], sums[i][j][1]);
        *reinterpret_cast<float2*>(to + 8 * Tile::kStageRow) = make_float2(sums[i][j][2], sums[i][j][3]);
      }
    }
    __syncthreads();
#pragma unroll 1
    for (int unit = static_cast<int>(threadIdx.x); unit < Tile::kWarpRows * 16 * kSize / 4; unit += Tile::kThreads) {
      const int staged_row = unit / (kSize / 4), j = unit % (kSize / 4) * 4;
      const int i = staged_row / 16 * kWM + turn * 16 + staged_row % 16;
      store_sums(p, at, at.row + i, at.column + j, load_quad(stage + staged_row * Tile::kStageRow + j));
    }
    __syncthreads();
  }
}

template <typename Format, bool kAAlongK, bool kBAlongK, int kSize, int kWM, int kWN>
void start(Queue& queue, int blocks, const TiledProduct<float>& p) {
  using Tile = TensorCoreTile<Format, kAAlongK, kBAlongK, kSize, kWM, kWN>;
  launch(tensor_core_product<Format, kAAlongK, kBAlongK, kSize, kWM, kWN>, blocks, Tile::kThreads, Tile::kSharedBytes,
         queue.stream(), p);
}

template <typename Format, bool kAAlongK, bool kBAlongK>
void with_tile(Queue& queue, int tile, int blocks, const TiledProduct<float>& p) {
  if (tile == 128) return start<Format, kAAlongK, kBAlongK, 128, 64, 32>(queue, blocks, p);
  start<Format, kAAlongK, kBAlongK, 64, 32, 32>(queue, blocks, p);
}

template <typename Format>
void with_layout(Queue& queue, int tile, int blocks, const TiledProduct<float>& p) {
  if (p.a.along_k) {
    p.b.along_k ? with_tile<Format, true, true>(queue, tile, blocks, p)
                : with_tile<Format, true, false>(queue, tile, blocks, p);
  } else {
    p.b.along_k ? with_tile<Format, false, true>(queue, tile, blocks, p)
                : with_tile<Format, false, false>(queue, tile, blocks, p);
  }
}

}  // namespace

void multiply_on_tensor_cores(Queue& queue, int tile, int blocks, const TiledProduct<float>& p) {
  switch (p.a.dtype) {
    case DType::bfloat16: return with_layout<BFloat16Pairs>(queue, tile, blocks, p);
    case DType::float16: return with_layout<Float16Pairs>(queue, tile, blocks, p);
    default: return with_layout<Tf32>(queue, tile, blocks, p);
  }
}

}  // namespace nabla::cuda
