// The model of each hot kernel against the roofline: bytes of global memory that it moves, counted by the checked
// emulator, against those that it cannot avoid, and operations per byte loaded of the tiles of products. The results
// are docs/cuda-roofline.md: `roofline_test --update` rewrites it.
#include <fstream>
#include <limits>
#include <memory>
#include <sstream>
#include <string>
#include <utility>

#include "kernel_runner.h"

using namespace nabla_test;

namespace {

constexpr DType f32 = DType::float32, f64 = DType::float64, bf16 = DType::bfloat16, i32 = DType::int32,
                u8 = DType::uint8;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Spec {
  Spec(DType dtype_, std::vector<int64_t> shape_, bool written_ = false) : dtype(dtype_), shape(std::move(shape_)) {
    written = written_;
  }
  DType dtype;
  std::vector<int64_t> shape;
  bool written;  // of an input: the kernel changes it
  int64_t labels = 0;
  bool transposed = false;
};
// Numbers below `count`, each as often as any other.
Spec labels(std::vector<int64_t> shape, int64_t count) {
  Spec s(i32, std::move(shape));
  s.labels = count;
  return s;
}
Spec transposed(DType dtype, std::vector<int64_t> shape) {
  Spec s(dtype, std::move(shape));
  s.transposed = true;
  return s;
}
Spec inout(std::vector<int64_t> shape) { return {f32, std::move(shape), true}; }

struct Call {
  const char* op;
  std::vector<Spec> in, out;
  std::vector<double> attr;
};

struct Bytes {
  emulator::Traffic moved;
  int64_t compulsory;  // every input read once, every output written once
};

Bytes run(const Call& call) {
  std::vector<std::unique_ptr<TestTensor>> tensors;
  std::vector<TensorView> views[2];
  int64_t compulsory = 0;
  for (const std::vector<Spec>* list : {&call.in, &call.out}) {
    for (const Spec& s : *list) {
      const Layout layout = s.transposed ? Layout::transposed : Layout::contiguous;
      tensors.push_back(std::make_unique<TestTensor>(s.dtype, s.shape, layout));
      TestTensor& t = *tensors.back();
      t.fill([&](int64_t i) {
        if (s.labels) return static_cast<double>(i * 37 % s.labels);
        const double x = number(static_cast<uint64_t>(i));
        return s.dtype == f32 || s.dtype == f64 || s.dtype == bf16 ? x : static_cast<double>(x > 0);
      });
      views[list == &call.out].push_back(t.view());
      compulsory += t.numel() * nabla::dtype_size(s.dtype) * (s.written ? 2 : 1);
    }
  }
  const emulator::Traffic before = emulator::traffic();
  try {
    call_kernel(find_kernel(Isa::scalar, call.op), views[0], views[1], call.attr, pool(1));
  } catch (const nabla::KernelError& error) {
    std::printf("%s: %s\n", call.op, error.message.c_str());
    CHECK(false);
  }
  const emulator::Traffic after = emulator::traffic();
  return {{after.loaded - before.loaded, after.stored - before.stored}, compulsory};
}

std::string shape_text(const Call& call) {
  const Spec& s = call.in.empty() ? call.out[0] : call.in[0];
  static const char* const kNames[] = {"float32", "float64", "int32", "uint8", "bool", "bfloat16", "float16"};
  static const DType kDTypes[] = {f32, f64, i32, u8, DType::boolean, bf16, DType::float16};
  std::string text;
  for (size_t i = 0; i < std::size(kDTypes); ++i) {
    if (kDTypes[i] == s.dtype) text = kNames[i];
  }
  for (size_t i = 0; i < s.shape.size(); ++i) text += (i ? "×" : " ") + std::to_string(s.shape[i]);
  return text;
}

std::string decimal(double x) {
  char text[40];
  std::snprintf(text, sizeof text, "%.2f", x);
  return text;
}

// A table of Markdown, its columns filled up to one width.
class Table {
 public:
  explicit Table(std::vector<std::string> head) : rows_{std::move(head)} {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  std::string text() const {
    std::vector<size_t> width(rows_[0].size(), 3);
    for (const auto& row : rows_) {
      for (size_t c = 0; c < row.size(); ++c) width[c] = std::max(width[c], letters(row[c]));
    }
    std::string text;
    for (size_t r = 0; r < rows_.size(); ++r) {
      for (size_t c = 0; c < width.size(); ++c) {
        text += "| " + rows_[r][c] + std::string(width[c] - letters(rows_[r][c]), ' ') + " ";
      }
      text += "|\n";
      if (r > 0) continue;
      for (size_t w : width) text += "| " + std::string(w, '-') + " ";
      text += "|\n";
    }
    return text;
  }

 private:
  static size_t letters(const std::string& s) {
    size_t n = 0;
    for (char c : s) n += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    return n;
  }
  std::vector<std::vector<std::string>> rows_;
};

struct MemoryCase {
  const char* title;
  Call call;
  double limit = 1.2;
  const char* reason = "";  // of a limit above 1.2, or of reads that do not count
  int64_t again = 0;        // bytes that are read again soon, from the cache; they do not count
};

// How steps of optimizers begin their attributes.
std::vector<double> step(std::vector<double> own) {
  std::vector<double> attr = {1, 0.01, 0.01, kInfinity, 0};
  attr.insert(attr.end(), own.begin(), own.end());
  return attr;
}

// Kernels that memory bounds.
std::vector<MemoryCase> memory_cases() {
  const std::vector<int64_t> rows = {128, 768}, image = {2, 32, 32, 64}, list = {100000};
  const Spec x(f32, rows), gamma(f32, {768}), row(f32, {128}), pixels(f32, image), channel(f32, {64});
  const Spec p(f32, list), tall(f32, {4096, 64}), of_tall(f32, {4096});
  const auto unary = [&](const char* op) { return Call{op, {x}, {x}, {}}; };
  const auto binary = [&](const char* op) { return Call{op, {x, x}, {x}, {}}; };
  const std::vector<double> window = {2, 2, 2, 2, 1, 1, 0, 0, 0, 0, 1}, overlapping = {3, 3, 2, 2, 1, 1, 0, 0, 1, 1, 1};
  const char* const vectors = "gamma and beta are in the cache after the first row";
  const char* const of_rows = "gamma is in the cache, twice for each row; 16 threads read a row's moments at once";
  const char* const parts = "a first kernel's sums are read by a second";
  const char* const overlap = "windows overlap: 9 taps for 4 pixels, from the cache";
  std::vector<MemoryCase> cases = {
      {"add", binary("add")},
      {"mul", binary("mul")},
      {"greater", {"greater", {x, x}, {{DType::boolean, rows}}, {}}},
      {"where", {"where", {{DType::boolean, rows}, x, x}, {x}, {}}},
      {"relu", unary("relu")},
      {"exp", unary("exp")},
      {"gelu", {"gelu", {x}, {x}, {0}}},
      {"geluGrad", {"geluGrad", {x, x}, {x}, {0}}},
      {"activationGrad", {"activationGrad", {x, x}, {x}, {1}}},
      {"activationGrad with bias", {"activationGrad", {x, x}, {x, gamma}, {1}}, 1.2, parts},
      {"copy, transposing", {"copy", {transposed(f32, {256, 384})}, {{f32, {256, 384}}}, {}}},
      {"cast to bfloat16", {"cast", {x}, {{bf16, rows}}, {}}},
      {"cast to int32", {"cast", {x}, {{i32, rows}}, {}}},
      {"fill", {"fill", {}, {x}, {1}}},
      {"dropout", {"dropout", {x}, {x}, {1, 2, 0.5}}},
      {"randomNormal", {"randomNormal", {}, {x}, {1, 2, 0, 1}}},
      {"softmax", unary("softmax")},
      {"softmaxGrad", binary("softmaxGrad")},
      {"logSoftmax", unary("logSoftmax")},
      {"logSoftmaxGrad", binary("logSoftmaxGrad")},
      {"softmaxCrossEntropy", {"softmaxCrossEntropy", {x, labels({128}, 768)}, {row, row}, {0}}},
      {"softmaxCrossEntropyGrad", {"softmaxCrossEntropyGrad", {x, labels({128}, 768), row, row}, {x}, {0}}},
      {"logSumExp", {"logSumExp", {x}, {row}, {768}}},
      {"layerNorm", {"layerNorm", {x, gamma, gamma}, {x, row, row}, {1e-5, 768, 1}}, 1.2, vectors, 127 * 768 * 8},
      {"layerNormGrad",
       {"layerNormGrad", {tall, tall, of_tall, of_tall, channel}, {tall, channel, channel}, {1e-5, 64, 1}},
       1.2,
       of_rows,
       8191 * 64 * 4 + 15 * 4096 * 8},
      {"rmsNorm", {"rmsNorm", {x, gamma}, {x, row}, {1e-5, 768, 1}}, 1.2, vectors, 127 * 768 * 4},
      {"rmsNormGrad",
       {"rmsNormGrad", {tall, tall, of_tall, channel}, {tall, channel}, {1e-5, 64, 1}},
       1.2,
       of_rows,
       8191 * 64 * 4 + 15 * 4096 * 4},
      {"batchNorm", {"batchNorm", {pixels, channel, channel, channel}, {pixels}, {}}},
      {"batchNormGrad", {"batchNormGrad", {pixels, pixels, channel, channel}, {pixels, channel, channel}, {}}},
      {"groupNorm", {"groupNorm", {pixels, channel, channel}, {pixels, {f32, {2, 8}}, {f32, {2, 8}}}, {1e-5, 8, 1}}},
      {"groupNormGrad",
       {"groupNormGrad",
        {pixels, pixels, {f32, {2, 8}}, {f32, {2, 8}}, channel},
        {pixels, channel, channel},
        {1e-5, 8, 1}}},
      {"sum of rows", {"sum", {x}, {row}, {2}}},
      {"sum of columns", {"sum", {x}, {gamma}, {1}}},
      {"sum of all", {"sum", {x}, {{f32, {1, 1}}}, {3}}},
      {"max of rows", {"max", {x}, {row}, {2}}},
      {"argMax of rows", {"argMax", {x}, {{i32, {128}}}, {1}}},
      {"variance", {"variance", {x}, {row}, {768, 0, 0}}},
      {"sgdStep", {"sgdStep", {inout(list), p}, {}, step({0, 0})}},
      {"sgdStep with momentum", {"sgdStep", {inout(list), p, inout(list)}, {}, step({0.9, 0})}},
      {"rmspropStep", {"rmspropStep", {inout(list), p, inout(list)}, {}, step({0.9, 0, 1e-7, 0})}},
      {"adagradStep", {"adagradStep", {inout(list), p, inout(list)}, {}, step({1e-7})}},
      {"adadeltaStep", {"adadeltaStep", {inout(list), p, inout(list), inout(list)}, {}, step({0.95, 1e-7})}},
      {"adamStep", {"adamStep", {inout(list), p, inout(list), inout(list)}, {}, step({0.9, 0.999, 1e-7, 1, 0})}},
      {"adamaxStep", {"adamaxStep", {inout(list), p, inout(list), inout(list)}, {}, step({0.9, 0.999, 1e-7, 1})}},
      {"nadamStep", {"nadamStep", {inout(list), p, inout(list), inout(list)}, {}, step({0.9, 0.999, 1e-7, 1, 1, 1})}},
      {"lionStep", {"lionStep", {inout(list), p, inout(list)}, {}, step({0.9, 0.99})}},
      {"clipScales", {"clipScales", {p}, {{f64, {1}}}, {1, 1}}},
      {"embedding", {"embedding", {{f32, {256, 256}}, labels({256}, 256)}, {{f32, {256, 256}}}, {0}}},
      {"gather of columns",
       {"gather", {{f32, {256, 256}}, labels({256}, 256)}, {{f32, {256, 256}}}, {1}},
       1.5,
       "an index is read for every element, from the cache"},
      {"pad", {"pad", {{f32, {126, 766}}, {f32, {1}}}, {x}, {1, 1}}},
      {"maxPool2d 2×2", {"maxPool2d", {pixels}, {{f32, {2, 16, 16, 64}}, {u8, {2, 16, 16, 64}}}, window}},
      {"maxPool2d 3×3, stride 2",
       {"maxPool2d", {pixels}, {{f32, {2, 16, 16, 64}}, {u8, {2, 16, 16, 64}}}, overlapping},
       2.1,
       overlap},
      {"avgPool2d 2×2", {"avgPool2d", {pixels}, {{f32, {2, 16, 16, 64}}}, window}},
      {"maxPool2dGrad 2×2", {"maxPool2dGrad", {{u8, {2, 16, 16, 64}}, {f32, {2, 16, 16, 64}}}, {pixels}, window}},
  };
  return cases;
}

struct ProductCase {
  const char *title, *problem;
  Call call;
  double operations;
  int rows, columns;  // of a tile
  bool tf32 = false;
  double depth_bytes = 0;  // loaded for each of the inner dimension, if not (rows + columns) * size
};

Call matmul(DType dtype, int64_t batch, int64_t m, int64_t n, int64_t k) {
  const DType result = dtype == f64 ? f64 : f32;
  return {"matmul", {{dtype, {batch, m, k}}, {dtype, {batch, k, n}}}, {{result, {batch, m, n}}}, {0, 0, 0}};
}
// 3 x 3 without padding.
Call conv2d(int64_t images, int64_t size, int64_t channels, int64_t outputs) {
  return {"conv2d",
          {{f32, {images, size + 2, size + 2, channels}}, {f32, {3, 3, channels, outputs}}},
          {{f32, {images, size, size, outputs}}},
          {3, 3, 1, 1, 1, 1, 0, 0, 0, 0, 1, 0, 0}};
}
Call attention(DType dtype, int64_t length, int64_t size) {
  const Spec s(dtype, {1, 2, length, size});
  return {"scaledDotProductAttention", {s, s, s}, {{dtype, {1, length, 2, size}}}, {0.125, 0, 0, 0, 0, 0, 0, 0}};
}

std::vector<ProductCase> product_cases() {
  const double m256 = 2.0 * 32 * 256 * 256 * 64, m64 = 2.0 * 128 * 64 * 64 * 64, m32 = 2.0 * 16 * 32 * 32 * 64;
  return {
      {"matmul, 128×128", "32 of 256×256×64", matmul(f32, 32, 256, 256, 64), m256, 128, 128},
      {"matmul, 64×64", "128 of 64×64×64", matmul(f32, 128, 64, 64, 64), m64, 64, 64},
      {"matmul, 32×32", "256×256×256", matmul(f32, 1, 256, 256, 256), 2.0 * 256 * 256 * 256, 32, 32},
      {"matmul, float64, 64×64", "128 of 64×64×64", matmul(f64, 128, 64, 64, 64), m64, 64, 64},
      {"matmul, float64, 32×32", "16 of 32×32×64", matmul(f64, 16, 32, 32, 64), m32, 32, 32},
      {"matmul, tf32, 128×128", "32 of 256×256×64", matmul(f32, 32, 256, 256, 64), m256, 128, 128, true},
      {"matmul, tf32, 64×64", "256×256×256", matmul(f32, 1, 256, 256, 256), 2.0 * 256 * 256 * 256, 64, 64, true},
      {"matmul, bfloat16, 128×128", "32 of 256×256×64", matmul(bf16, 32, 256, 256, 64), m256, 128, 128},
      {"matmul, bfloat16, 64×64", "256×256×256", matmul(bf16, 1, 256, 256, 256), 2.0 * 256 * 256 * 256, 64, 64},
      {"conv2d, 128×64", "3×3, 8×64×64×8 → 64", conv2d(8, 64, 8, 64), 2.0 * 8 * 64 * 64 * 64 * 72, 128, 64},
      {"conv2d, 128×32", "3×3, 8×64×64×8 → 32", conv2d(8, 64, 8, 32), 2.0 * 8 * 64 * 64 * 32 * 72, 128, 32},
      {"conv2d, 64×32", "3×3, 4×16×16×16 → 64", conv2d(4, 16, 16, 64), 2.0 * 4 * 16 * 16 * 64 * 144, 64, 32},
      {"conv2d, tf32, 128×64", "3×3, 4×16×16×16 → 64", conv2d(4, 16, 16, 64), 2.0 * 4 * 16 * 16 * 64 * 144, 128, 64,
       true},
      {"conv2d, tf32, 128×32", "3×3, 4×16×16×16 → 32", conv2d(4, 16, 16, 32), 2.0 * 4 * 16 * 16 * 32 * 144, 128, 32,
       true},
      // Two products for queries, keys and values of a block each.
      {"attention, 64×64", "2 heads, length 256, size 64", attention(f32, 256, 64), 4.0 * 2 * 256 * 256 * 64, 64, 64,
       false, 3 * 64 * 4 / 2.0},
      {"attention, size 128, 64×64", "2 heads, length 128, size 128", attention(f32, 128, 128),
       4.0 * 2 * 128 * 128 * 128, 64, 64, false, 3 * 64 * 4 / 2.0},
      {"attention, float64, 32×32", "2 heads, length 128, size 64", attention(f64, 128, 64), 4.0 * 2 * 128 * 128 * 64,
       32, 32, false, 3 * 32 * 8 / 2.0},
  };
}

std::string& document() {
  static std::string text =
      "# CUDA kernels and the roofline\n\n"
      "What the kernels ask of global memory, counted access by access by the checked emulator\n"
      "([its README](../native/test/cuda_emulator/README.md)), not measured on a GPU. Caches are not modelled: a byte "
      "that is\nread twice counts twice. Written by `roofline_test --update`, and checked by the same test.\n";
  return text;
}

}  // namespace

NABLA_TEST(bytes_moved) {
  Table table({"kernel", "first tensor", "bytes moved", "compulsory", "again", "ratio", "limit", "why"});
  for (const MemoryCase& c : memory_cases()) {
    const Bytes b = run(c.call);
    const int64_t moved = b.moved.loaded + b.moved.stored;
    const double ratio = static_cast<double>(moved - c.again) / static_cast<double>(b.compulsory);
    table.add({c.title, shape_text(c.call), std::to_string(moved), std::to_string(b.compulsory),
               std::to_string(c.again), decimal(ratio), decimal(c.limit), c.reason});
    // Less would be a kernel that has not done its work.
    if (!CHECK(ratio <= c.limit && ratio >= 0.99)) {
      std::printf("    %s: %s of the compulsory bytes, the limit is %s\n", c.title, decimal(ratio).c_str(),
                  decimal(c.limit).c_str());
    }
  }
  document() +=
      "\n## Kernels that memory bounds\n\n"
      "Bytes moved over compulsory ones: every input read once, every output written once. Bytes that a kernel reads "
      "again by\ndesign, while the cache has them (`again`), are taken off before. Copies of contiguous tensors are "
      "the "
      "driver's.\n\n" +
      table.text();
}

NABLA_TEST(arithmetic_intensity) {
  Table table({"kernel, tile", "problem", "operations", "bytes loaded", "operations/byte", "of the tile"});
  for (const ProductCase& c : product_cases()) {
    allow_tf32() = c.tf32;
    const Bytes b = run(c.call);
    allow_tf32() = false;
    const double size = static_cast<double>(nabla::dtype_size(c.call.in[0].dtype));
    const double of_depth = c.depth_bytes > 0 ? c.depth_bytes : (c.rows + c.columns) * size;
    const double tile = 2.0 * c.rows * c.columns / of_depth;
    const double intensity = c.operations / static_cast<double>(b.moved.loaded);
    table.add({c.title, c.problem, std::to_string(static_cast<int64_t>(c.operations)), std::to_string(b.moved.loaded),
               decimal(intensity), decimal(tile)});
    if (!CHECK(std::fabs(intensity / tile - 1) <= 0.1)) {
      std::printf("    %s: %s operations per byte, the tile has %s\n", c.title, decimal(intensity).c_str(),
                  decimal(tile).c_str());
    }
  }
  document() +=
      "\n## Products\n\n"
      "Operations per byte that is loaded, and what follows from the size of the tile: "
      "2·rows·columns /\n((rows + columns)·size of an element), for attention 4·rows·columns / ((rows + "
      "2·columns)·size), "
      "as its queries are read\nagain for each block of keys.\n\n" +
      table.text();
}

int main(int count, char** arguments) {
  const bool update = count > 1 && !std::strcmp(arguments[1], "--update");
  const int failed = run_all("");
  const char* const path = NABLA_ROOFLINE_FILE;
  if (update) {
    std::ofstream(path) << document();
    return failed;
  }
  std::stringstream committed;
  committed << std::ifstream(path).rdbuf();
  if (committed.str() == document()) return failed;
  std::printf("%s\n%s differs from this: update it with --update\n", document().c_str(), path);
  return 1;
}
