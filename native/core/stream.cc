#include "core/stream.h"

#include <chrono>
#include <cstring>

#include "core/ops.h"
#include "core/pause.h"

namespace nabla {
namespace {

// How long a thread looks before it sleeps, where there is another CPU. Sleeping and waking costs several
// microseconds, on virtual machines tens; a longer look would take the CPU from whoever has work.
constexpr std::chrono::microseconds kSpin{20};
// Bytes of user data copied but not yet taken over by the executor.
constexpr int64_t kMaxUploadBytes = int64_t{64} << 20;

template <typename T>
T* load_pointer(const int32_t* words) {
  T* pointer;
  std::memcpy(&pointer, words, sizeof(pointer));
  return pointer;
}

constexpr int64_t even(int64_t words) { return (words + 1) & ~int64_t{1}; }

// Between a store of one side and its load of what the other side stores: one of the two sees the other's. A fence,
// because qemu lets AArch64's sequentially consistent stores and loads change places on x86, and a side then sleeps on.
void store_before_load() { std::atomic_thread_fence(std::memory_order_seq_cst); }

}  // namespace

// Waits until ready() for a short while; false when the time is up.
template <typename F>
bool Stream::spin_until(F ready) const {
  if (!options_.spin) return false;
  const auto end = std::chrono::steady_clock::now() + kSpin;
  do {
    for (int i = 0; i < 32; ++i) {
      if (ready()) return true;
      pause();
    }
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

// Scratch memory of one command.
class Stream::CommandWorkspace final : public Workspace {
 public:
  explicit CommandWorkspace(Allocator& allocator) : allocator_(allocator) {}
  ~CommandWorkspace() override {
    for (int i = 0; i < count_; ++i) allocator_.release(blocks_[i]);
  }
  void* get(size_t bytes) override {
    NABLA_CHECK(count_ < kMaxBlocks, "a kernel asks for too many scratch blocks");
    return (blocks_[count_++] = allocator_.allocate(bytes)).data;
  }

 private:
  static constexpr int kMaxBlocks = 32;
  Allocator& allocator_;
  Block blocks_[kMaxBlocks];
  int count_ = 0;
};

Stream::Stream(StreamOptions options)
    : options_(std::move(options)),
      device_(*options_.device),
      allocator_(device_.memory(), options_.memory_limit),
      staging_(device_.staging() ? new Allocator(*device_.staging(), 0) : nullptr),
      storages_(allocator_),
      ring_(new int32_t[kRingWords]),
      thread_([this] { run(); }) {}

Stream::~Stream() {
  stopping_.store(true);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    wake_executor_.notify_one();
  }
  thread_.join();
}

// --- the producer's side ---------------------------------------------------------------------------------

// Room for one run of words that does not wrap; what is left at the ring's end is jumped over.
int32_t* Stream::reserve(int64_t words) {
  const uint64_t tail = tail_.load(std::memory_order_relaxed);
  const int64_t at = static_cast<int64_t>(tail % kRingWords);
  const int64_t left = kRingWords - at;
  if (words > left) {
    wait_until(tail + left > kRingWords ? tail + left - kRingWords : 0);
    ring_[at] = kJump;
    ring_[at + 1] = static_cast<int32_t>(left);
    commit(left);
    return reserve(words);
  }
  wait_until(tail + words > kRingWords ? tail + words - kRingWords : 0);
  return &ring_[at];
}

void Stream::commit(int64_t words) {
  tail_.fetch_add(words);  // sequentially consistent, against executor_sleeps_
  if (executor_sleeps_.load()) {
    const std::lock_guard<std::mutex> lock(mutex_);
    wake_executor_.notify_one();
  }
}

// Until the executor has finished all words before `position`.
void Stream::wait_until(uint64_t position) {
  const auto reached = [&] { return head_.load(std::memory_order_acquire) >= position; };
  if (reached() || spin_until(reached)) return;
  std::unique_lock<std::mutex> lock(mutex_);
  wake_producer_at_.store(position, std::memory_order_relaxed);
  store_before_load();  // of head_
  wake_producer_.wait(lock, [&] { return head_.load() >= position; });
  wake_producer_at_.store(kNever);
}

void Stream::submit(const int32_t* words, int64_t count) {
  if (count == 0) return;
  for (int64_t at = 0; at < count; at += words[at + 1]) {
    NABLA_CHECK(count - at >= kHeaderWords && words[at + 1] >= kHeaderWords && words[at + 1] % 2 == 0 &&
                    words[at + 1] <= count - at && (words[at] >= 0 || words[at] == kRelease),
                "a command has an impossible length");
  }
  std::memcpy(reserve(count), words, static_cast<size_t>(count) * sizeof(int32_t));
  commit(count);
}

void Stream::upload(int32_t id, int32_t dtype, int32_t rank, const int32_t* shape, const void* data, size_t bytes) {
  if (upload_bytes_.load() > kMaxUploadBytes) wait_until(tail_.load());
  Allocator& source = staging_ ? *staging_ : allocator_;
  std::unique_ptr<Upload> upload(new Upload{source.allocate(bytes), bytes, id, dtype, rank, {}});
  for (int d = 0; d < rank && d < kMaxRank; ++d) upload->shape[d] = shape[d];
  if (bytes > 0) std::memcpy(upload->block.data, data, bytes);
  upload_bytes_ += static_cast<int64_t>(upload->block.capacity);
  int32_t* record = reserve(4);
  record[0] = kUpload;
  record[1] = 4;
  Upload* pointer = upload.release();
  std::memcpy(&record[2], &pointer, sizeof(pointer));
  commit(4);
}

void Stream::read(Read* read, const int32_t* operand, int64_t count) {
  const int64_t words = 4 + even(count);
  int32_t* record = reserve(words);
  record[0] = kRead;
  record[1] = static_cast<int32_t>(words);
  std::memcpy(&record[2], &read, sizeof(read));
  if (count > 0) std::memcpy(&record[4], operand, static_cast<size_t>(count) * sizeof(int32_t));
  commit(words);
}

void Stream::read_and_wait(Read* request, const int32_t* operand, int64_t count) {
  read(request, operand, count);
  wait_until(tail_.load());
}

// --- the executor's side ---------------------------------------------------------------------------------

void Stream::run() {
  device_.start();
  uint64_t head = 0;
  while (true) {
    const bool stopping = stopping_.load(std::memory_order_relaxed);
    if (tail_.load(std::memory_order_acquire) == head) {
      if (stopping || !wait_for_commands(head)) break;
      continue;
    }
    head += static_cast<uint64_t>(execute(&ring_[head % kRingWords], stopping));
    head_.store(head, std::memory_order_release);
    store_before_load();  // of wake_producer_at_
    if (head >= wake_producer_at_.load(std::memory_order_relaxed)) {
      const std::lock_guard<std::mutex> lock(mutex_);
      wake_producer_.notify_one();
    }
  }
  try {
    settle();  // nothing that is queued may outlive the memory that it uses
  } catch (const KernelError&) {
    // Nobody is there to read the error.
    for (const Staged& staged : staged_) staging_->release(staged.block);
  }
}

// False when the stream stops and nothing is left to run.
bool Stream::wait_for_commands(uint64_t head) {
  const auto ready = [&] { return tail_.load(std::memory_order_acquire) != head || stopping_.load(); };
  options_.status->store(1, std::memory_order_relaxed);
  if (!spin_until(ready)) {
    device_.pool().set_active(false);
    std::unique_lock<std::mutex> lock(mutex_);
    executor_sleeps_.store(true, std::memory_order_relaxed);
    store_before_load();  // of tail_
    wake_executor_.wait(lock, [&] { return tail_.load() != head || stopping_.load(); });
    executor_sleeps_.store(false);
    device_.pool().set_active(true);
  }
  options_.status->store(0, std::memory_order_relaxed);
  return tail_.load() != head;
}

// Runs one record and returns its length. With `discard` only what owns memory is taken care of.
int64_t Stream::execute(const int32_t* record, bool discard) {
  const int32_t words = record[1];
  const int32_t* const end = record + words;
  switch (record[0]) {
    case kJump: break;
    case kRelease: storages_.release(record[2]); break;
    case kUpload: execute_upload(load_pointer<Upload>(record + 2)); break;
    case kRead: execute_read(record, end); break;
    default:
      if (!discard) execute_kernel(record, end);
  }
  return words;
}

void Stream::execute_upload(Upload* pointer) {
  const std::unique_ptr<Upload> upload(pointer);
  upload_bytes_ -= static_cast<int64_t>(upload->block.capacity);
  try {
    const Block block = place_upload(*upload);
    try {
      Storage& storage = storages_.define(upload->id, upload->dtype, upload->rank, upload->shape);
      storage.block = block;
      storage.view.data = block.data;
    } catch (const KernelError&) {
      allocator_.release(block);
      throw;
    }
  } catch (const KernelError& error) {
    fail(std::make_shared<StreamError>(StreamError{error.kind, "upload", error.message}));
  }
}

// The tensor's memory, with the elements in it or on their way.
Block Stream::place_upload(const Upload& upload) {
  if (!staging_) return upload.block;
  release_staged();
  Block block;
  try {
    block = allocator_.allocate(upload.bytes);
    staged_.push_back({upload.block, device_.upload(block.data, upload.block.data, upload.bytes)});
    return block;
  } catch (const KernelError&) {
    allocator_.release(block);
    staging_->release(upload.block);
    throw;
  }
}

void Stream::execute_kernel(const int32_t* record, const int32_t* end) {
  const char* name = "command";
  std::shared_ptr<const StreamError> error;
  made_.clear();
  try {
    NABLA_CHECK(record[0] >= 0 && record[0] < kOpCount, "a kernel number is unknown");
    const OpInfo& op = kOps[record[0]];
    name = op.name;
    const int n_in = record[2] & 0xFFFF, n_out = (record[2] >> 16) & 0xFFFF, n_attr = record[3];
    NABLA_CHECK(n_in >= op.min_in && n_in <= op.max_in, "the number of inputs is wrong");
    NABLA_CHECK(n_out >= op.min_out && n_out <= op.max_out, "the number of outputs is wrong");
    const double* attr = reinterpret_cast<const double*>(end) - n_attr;
    inputs_.clear();
    outputs_.clear();
    const int32_t* at = record + kHeaderWords;
    const int32_t* const attr_words = reinterpret_cast<const int32_t*>(attr);
    NABLA_CHECK(n_attr >= 0 && attr_words >= at, "a command is too short");
    for (int i = 0; i < n_in; ++i) {
      Storage* storage;
      inputs_.push_back(storages_.operand(at, attr_words, &storage));
      if (storage->error) error = storage->error;
    }
    // Every output gets its id, so that an error has a place to stay; define may move the table, so pointers come
    // after.
    const int32_t* const first_output = at;
    for (int i = 0; i < n_out; ++i) {
      NABLA_CHECK(attr_words - at >= 3 && attr_words - at >= 3 + at[2], "a command is too short");
      storages_.define(at[0], at[1], at[2], at + 3);
      at += 3 + at[2];
    }
    at = first_output;
    for (int i = 0; i < n_out; ++i, at += 3 + at[2]) made_.push_back(&storages_.at(at[0]));
    if (!error) {
      for (Storage* storage : made_) {
        const size_t bytes = static_cast<size_t>(storage->view.numel() * dtype_size(storage->view.dtype));
        storage->block = allocator_.allocate(bytes);
        storage->view.data = storage->block.data;
        outputs_.push_back(storage->view);
      }
      CommandWorkspace workspace(allocator_);
      KernelArgs args{inputs_.data(), n_in,           outputs_.data(), n_out,          attr,
                      n_attr,         device_.pool(), workspace,       device_.queue()};
      device_.kernels().kernels[record[0]](args);
      if (staging_) watch_faults(name, first_output);
    }
  } catch (const KernelError& raised) {
    error = std::make_shared<StreamError>(StreamError{raised.kind, name, raised.message});
    fail(error);
    // What its kernels may still report is not the next command's; its outputs have this error already.
    suspects_.resize(static_cast<size_t>(device_.faults()), Suspect{name, {}});
  }
  if (error) {
    for (Storage* storage : made_) storage->error = error;
  }
}

// Notes the outputs of a command whose kernels may report faults, before their ids can be reused.
void Stream::watch_faults(const char* op, const int32_t* output) {
  if (suspects_.size() == static_cast<size_t>(device_.faults())) return;
  Suspect suspect{op, {}};
  for (const Storage* storage : made_) {
    suspect.outputs.push_back({output[0], storage->serial});
    output += 3 + output[2];
  }
  suspects_.resize(static_cast<size_t>(device_.faults()), suspect);
  if (device_.faults() > Device::kMaxFaults / 2) settle();
}

void Stream::execute_read(const int32_t* record, const int32_t* end) {
  Read* const read = load_pointer<Read>(record + 2);
  try {
    if (record + 4 == end) {
      settle();
    } else {
      const int32_t* at = record + 4;
      Storage* storage;
      const TensorView source = storages_.operand(at, end, &storage);
      if (!storage->error) copy_to_host(source, read);
      // That of an earlier command, or one that the wait for the device has brought to light.
      read->error = storage->error;
      if (read->error && error_ == read->error) error_.reset();
    }
  } catch (const KernelError& raised) {
    read->error = std::make_shared<StreamError>(StreamError{raised.kind, "read", raised.message});
  }
  if (!read->error) read->error = take_error();
  if (read->settled) read->settled(read, read->context);
}

void Stream::copy_to_host(const TensorView& source, Read* read) {
  NABLA_CHECK(static_cast<size_t>(source.numel() * dtype_size(source.dtype)) == read->bytes,
              "the target has the wrong size");
  CommandWorkspace workspace(allocator_);
  TensorView target = source;
  if (read->bytes > 0 && !(staging_ && source.contiguous())) {
    target.data = staging_ ? workspace.get(read->bytes) : read->target;
    int64_t stride = 1;
    for (int d = target.rank - 1; d >= 0; --d) {
      target.stride[d] = stride;
      stride *= target.shape[d];
    }
    KernelArgs args{&source, 1, &target, 1, nullptr, 0, device_.pool(), workspace, device_.queue()};
    device_.kernels().kernels[op_copy](args);
  }
  if (!staging_) return;
  if (read->bytes > 0) device_.download(read->target, target.data, read->bytes);
  settle();
}

// Waits for the device and gives the errors that kernels reported to their outputs.
void Stream::settle() {
  const std::vector<Suspect> suspects = std::move(suspects_);
  suspects_.clear();
  const std::vector<Device::Fault> faults = device_.wait();
  release_staged();
  for (size_t i = 0; i < faults.size() && i < suspects.size(); ++i) {
    if (faults[i].message.empty()) continue;
    const auto error = std::make_shared<StreamError>(StreamError{faults[i].kind, suspects[i].op, faults[i].message});
    for (const auto& [id, serial] : suspects[i].outputs) {
      if (Storage* const output = storages_.find(id, serial)) output->error = error;
    }
    fail(error);
  }
}

// Staging memory whose copies have run.
void Stream::release_staged() {
  const uint64_t uploaded = staged_.empty() ? 0 : device_.uploaded();
  while (!staged_.empty() && staged_.front().copy <= uploaded) {
    staging_->release(staged_.front().block);
    staged_.pop_front();
  }
}

// Only the first error since the last wait is reported: those after it are mostly its consequences.
void Stream::fail(std::shared_ptr<const StreamError> error) {
  if (!error_) error_ = std::move(error);
}

std::shared_ptr<const StreamError> Stream::take_error() { return std::move(error_); }

}  // namespace nabla
