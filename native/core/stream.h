// The in-order executor: JavaScript pushes commands into a ring, one thread runs them.
//
// Three places are shared between the two threads: the ring (single producer, single consumer), the
// counter of finished words (the fence that waits look at), and the first error that no wait has reported yet.
#pragma once
#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "core/allocator.h"
#include "core/command.h"
#include "core/device.h"
#include "core/storage.h"

namespace nabla {

// A copy of a tensor's elements for JavaScript, or with no operand just a wait.
struct Read {
  void* target = nullptr;
  size_t bytes = 0;
  std::shared_ptr<const StreamError> error;  // set by the executor
  void (*settled)(Read* read,
                  void* context) = nullptr;  // called by the executor when it is done; null for a blocking read
  void* context = nullptr;
};

// Elements from JavaScript, already copied into a block: the tensor's own, or one of staging memory.
struct Upload {
  Block block;
  size_t bytes;
  int32_t id;
  int32_t dtype;
  int32_t rank;
  int32_t shape[kMaxRank];
};

struct StreamOptions {
  std::unique_ptr<Device> device;
  size_t memory_limit = 0;
  bool spin = true;  // before sleeping; pointless when the other thread needs this very CPU
  // Word 0 is set to 1 while the executor waits for commands. Lives as long as the stream.
  std::atomic<int32_t>* status;
};

class Stream {
 public:
  explicit Stream(StreamOptions options);
  // Finishes the running command, drops the rest, joins the executor.
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // --- the producer's side: one thread ---
  // Appends whole records; waits while the ring is full.
  void submit(const int32_t* words, int64_t count);
  // Copies the elements before it returns; waits while too many bytes are on their way. Throws KernelError.
  void upload(int32_t id, int32_t dtype, int32_t rank, const int32_t* shape, const void* data, size_t bytes);
  // `read` must live until it is settled. `operand` may be empty.
  void read(Read* read, const int32_t* operand, int64_t count);
  void read_and_wait(Read* read, const int32_t* operand, int64_t count);

  Allocator& allocator() { return allocator_; }

 private:
  template <typename F>
  bool spin_until(F ready) const;
  int32_t* reserve(int64_t words);
  void commit(int64_t words);
  void wait_until(uint64_t position);

  void run();
  bool wait_for_commands(uint64_t head);
  int64_t execute(const int32_t* record, bool discard);
  void execute_kernel(const int32_t* record, const int32_t* end);
  void execute_read(const int32_t* record, const int32_t* end);
  void execute_upload(Upload* upload);
  Block place_upload(const Upload& upload);
  void copy_to_host(const TensorView& source, Read* read);
  void watch_faults(const char* op, const int32_t* output);
  void settle();
  void release_staged();
  void fail(std::shared_ptr<const StreamError> error);
  std::shared_ptr<const StreamError> take_error();

  class CommandWorkspace;

  StreamOptions options_;
  Device& device_;
  Allocator allocator_;
  std::unique_ptr<Allocator> staging_;  // null where uploads are written into the tensors' own memory
  StorageTable storages_;

  std::unique_ptr<int32_t[]> ring_;
  alignas(64) std::atomic<uint64_t> tail_{0};  // words pushed
  alignas(64) std::atomic<uint64_t> head_{0};  // words finished
  alignas(64) std::atomic<bool> executor_sleeps_{false};
  static constexpr uint64_t kNever = ~uint64_t{0};
  std::atomic<uint64_t> wake_producer_at_{kNever};  // the position that a sleeping producer waits for
  std::atomic<bool> stopping_{false};
  std::atomic<int64_t> upload_bytes_{0};
  std::mutex mutex_;
  std::condition_variable wake_executor_, wake_producer_;

  // A command that may have reported a fault, one for each of the device's faults().
  struct Suspect {
    const char* op;
    std::vector<std::pair<int32_t, uint64_t>> outputs;  // ids and serials
  };
  // A block of staging memory and the number of the copy that reads it.
  struct Staged {
    Block block;
    uint64_t copy;
  };

  // The executor's own.
  std::vector<Suspect> suspects_;
  std::deque<Staged> staged_;
  std::shared_ptr<const StreamError> error_;
  std::vector<TensorView> inputs_, outputs_;
  std::vector<Storage*> made_;
  std::thread thread_;
};

}  // namespace nabla
