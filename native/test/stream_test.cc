// The command stream without Node: order, errors, hostile records, backpressure, and ending at any moment.
#include "core/stream.h"

#include <cstring>
#include <initializer_list>
#include <utility>

#include "core/ops.h"
#include "cpu/cpu_device.h"
#include "test_main.h"

namespace nabla {
namespace {

class TestStream {
 public:
  explicit TestStream(size_t memory_limit = size_t{256} << 20, int threads = 2) {
    StreamOptions options;
    options.device.reset(new CpuDevice(Isa::scalar, threads, false));
    options.memory_limit = memory_limit;
    options.status = &status_;
    stream_.reset(new Stream(std::move(options)));
  }
  Stream& operator*() { return *stream_; }
  Stream* operator->() { return stream_.get(); }

 private:
  std::atomic<int32_t> status_{0};
  std::unique_ptr<Stream> stream_;
};

// One kernel command on whole tensors with one output of the given shape.
std::vector<int32_t> command(int op, std::initializer_list<int32_t> inputs, int32_t output, DType dtype,
                             std::initializer_list<int32_t> shape, std::initializer_list<double> attributes = {}) {
  std::vector<int32_t> words = {op, 0, static_cast<int32_t>(inputs.size()) | 1 << 16,
                                static_cast<int32_t>(attributes.size())};
  words.insert(words.end(), inputs);
  words.insert(words.end(), {output, static_cast<int32_t>(dtype), static_cast<int32_t>(shape.size())});
  words.insert(words.end(), shape);
  if (words.size() % 2) words.push_back(0);
  for (const double value : attributes) {
    int32_t halves[2];
    std::memcpy(halves, &value, sizeof(value));
    words.insert(words.end(), {halves[0], halves[1]});
  }
  words[1] = static_cast<int32_t>(words.size());
  return words;
}

void submit(TestStream& stream, const std::vector<int32_t>& words) {
  stream->submit(words.data(), static_cast<int64_t>(words.size()));
}

void upload(TestStream& stream, int32_t id, const std::vector<float>& values) {
  const int32_t shape[] = {static_cast<int32_t>(values.size())};
  stream->upload(id, static_cast<int32_t>(DType::float32), 1, shape, values.data(), values.size() * sizeof(float));
}

std::shared_ptr<const StreamError> read(TestStream& stream, int32_t id, std::vector<float>* values) {
  Read request;
  request.target = values->data();
  request.bytes = values->size() * sizeof(float);
  const int32_t operand[] = {~id, 1, 0, static_cast<int32_t>(values->size()), 1};
  stream->read_and_wait(&request, operand, 5);
  return request.error;
}

std::shared_ptr<const StreamError> wait(TestStream& stream) {
  Read request;
  stream->read_and_wait(&request, nullptr, 0);
  return request.error;
}

}  // namespace

NABLA_TEST(commands_run_in_order) {
  TestStream stream;
  upload(stream, 0, {1, 2, 3});
  upload(stream, 1, {10, 20, 30});
  // A long chain, longer than the ring at once: the producer has to wait for room.
  int32_t last = 0;
  for (int i = 0; i < 40000; ++i) {
    const int32_t next = 2 + (i & 1);
    submit(stream, command(op_add, {last, 1}, next, DType::float32, {3}));
    if (last > 1) submit(stream, {kRelease, 4, last, 0});
    last = next;
  }
  std::vector<float> values(3);
  CHECK(!read(stream, last, &values));
  CHECK(values[0] == 1 + 40000.f * 10 && values[2] == 3 + 40000.f * 30);
}

NABLA_TEST(an_error_stays_with_its_tensors_and_is_reported_once) {
  TestStream stream;
  upload(stream, 0, {1, 2});
  upload(stream, 1, {1, 2, 3});
  submit(stream, command(op_matmul, {0, 1}, 2, DType::float32, {2}));  // the rank is wrong: refused by the kernel
  submit(stream, command(op_add, {2, 0}, 3, DType::float32, {2}));
  std::vector<float> values(2);
  const auto first = wait(stream);
  CHECK(first && first->op == "matmul" && first->kind == ErrorKind::native);
  CHECK(!wait(stream));
  const auto again = read(stream, 3, &values);
  CHECK(again && again->op == "matmul");
  CHECK(!read(stream, 0, &values) && values[1] == 2);
}

NABLA_TEST(out_of_memory_is_an_error_of_the_command) {
  TestStream stream(size_t{1} << 20);
  submit(stream, command(op_fill, {}, 0, DType::float32, {1 << 20}, {1}));
  const auto error = wait(stream);
  CHECK(error && error->kind == ErrorKind::out_of_memory && error->op == "fill");
  submit(stream, {kRelease, 4, 0, 0});
  submit(stream, command(op_fill, {}, 0, DType::float32, {2}, {7}));
  std::vector<float> values(2);
  CHECK(!read(stream, 0, &values) && values[0] == 7 && values[1] == 7);
}

NABLA_TEST(hostile_commands_are_refused) {
  TestStream stream;
  upload(stream, 0, {1, 2, 3, 4});
  const auto refused = [&](const std::vector<int32_t>& words) {
    try {
      submit(stream, words);
    } catch (const KernelError&) {
      return true;
    }
    return static_cast<bool>(wait(stream));
  };
  CHECK(refused({op_neg, 0, 1, 0}));                                              // no length
  CHECK(refused({op_neg, -4, 1, 0}));                                             // a negative one
  CHECK(refused({op_neg, 400, 1, 0}));                                            // longer than the batch
  CHECK(refused({kRead, 4, 0, 0}));                                               // a pointer from outside
  CHECK(refused({kOpCount + 5, 4, 0, 0}));                                        // no such kernel
  CHECK(refused({op_neg, 4, 1 | 1 << 16, 0}));                                    // operands missing
  CHECK(refused({op_neg, 6, 1 | 1 << 16, 1 << 20, 0, 1}));                        // attributes before the record
  CHECK(refused(command(op_neg, {77}, 5, DType::float32, {4})));                  // an unknown input
  CHECK(refused(command(op_neg, {0}, 0, DType::float32, {4})));                   // an output in use
  CHECK(refused(command(op_neg, {0}, -3, DType::float32, {4})));                  // an id out of range
  CHECK(refused(command(op_neg, {0}, 6, static_cast<DType>(99), {4})));           // no such dtype
  CHECK(refused(command(op_neg, {0}, 7, DType::float32, {-4})));                  // a negative size
  CHECK(refused(command(op_neg, {0}, 8, DType::float32, {1 << 30, 1 << 30})));    // too large
  CHECK(refused(command(op_neg, {0}, 9, DType::float32, {5})));                   // shapes that differ
  CHECK(refused({op_neg, 14, 1 | 1 << 16, 0, ~0, 1, 1, 4, 1, 10, 0, 1, 4, 0}));   // a view past the end
  CHECK(refused({op_neg, 14, 1 | 1 << 16, 0, ~0, 1, 0, 4, -1, 11, 0, 1, 4, 0}));  // and before the start
  std::vector<float> values(4);
  CHECK(!read(stream, 0, &values) && values[3] == 4);
}

NABLA_TEST(a_stream_may_end_in_the_middle_of_work) {
  for (int round = 0; round < 20; ++round) {
    TestStream stream;
    std::vector<float> values(10000, 1.f);
    upload(stream, 0, values);
    CHECK(!read(stream, 0, &values));
    for (int i = 1; i < 200; ++i) {
      submit(stream, command(op_exp, {0}, i, DType::float32, {10000}));
      upload(stream, 1000 + i, {1, 2, 3});
    }
  }
}

NABLA_TEST(uploads_are_bounded) {
  TestStream stream(size_t{512} << 20);
  const std::vector<float> megabyte(1 << 18, 1.f);
  for (int i = 0; i < 400; ++i) {
    upload(stream, i & 7, megabyte);
    submit(stream, {kRelease, 4, i & 7, 0});
  }
  CHECK(!wait(stream));
  CHECK(stream->allocator().stats().allocated == 0);
  CHECK(stream->allocator().stats().peak <= size_t{128} << 20);
}

NABLA_TEST(the_allocator_reuses_and_counts) {
  CpuMemory memory;
  Allocator allocator(memory, size_t{2} << 20);
  for (const size_t bytes : {0, 1, 63, 64, 65, 80, 81, 1000, 4096, 100000}) {
    const Block block = allocator.allocate(bytes);
    CHECK(block.data && block.capacity >= bytes && reinterpret_cast<uintptr_t>(block.data) % 64 == 0);
    CHECK(block.capacity <= 64 || block.capacity <= bytes + bytes / 4 + 1);
    std::memset(block.data, 0xAB, block.capacity);
    allocator.release(block);
    CHECK(allocator.allocate(bytes).data == block.data);
    allocator.release(block);
  }
  CHECK(allocator.stats().allocated == 0 && allocator.stats().cached > 0);
  // What is cached makes room before memory counts as used up.
  const size_t cached = allocator.stats().cached;
  allocator.release(allocator.allocate(1800000));
  const Block large = allocator.allocate(1000000);
  CHECK(large.data && allocator.stats().cached < cached);
  bool refused = false;
  try {
    allocator.allocate(900000);
  } catch (const KernelError& error) {
    refused = error.kind == ErrorKind::out_of_memory;
  }
  CHECK(refused);
  allocator.release(large);
}

}  // namespace nabla

NABLA_TEST_MAIN
