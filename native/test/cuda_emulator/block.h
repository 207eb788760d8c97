// One block of threads. Each thread is a fiber from the moment it first waits; one that never does is a plain call.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "device.h"
#include "fiber.h"
#include "vector_types.h"

namespace emulator {

struct Launch {
  uint3 grid, block;
  size_t shared_bytes;
  size_t shared_limit;  // static and dynamic together
  std::function<void()> thread;
  int threads() const { return static_cast<int>(block.x * block.y * block.z); }
  uint64_t blocks() const { return uint64_t{grid.x} * grid.y * grid.z; }
};

// A copy to shared memory on its way.
struct AsyncCopy {
  void* to;
  const void* from;
  int bytes, zeros;
};

class Block {
 public:
  Block();
  ~Block();
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  // False when a thread ended it with an error.
  bool run(const Launch& launch, uint64_t index);

  // --- called by the threads ---
  void sync_threads(Site site);
  void sync_warp(unsigned mask, Site site);
  Lanes* warp_arrive(unsigned mask, const char* operation, const void* in, void* out, Site site);
  void warp_done(Lanes* lanes);
  void* shared_array(const void* key, size_t bytes, size_t alignment, const char* name);
  unsigned char* dynamic_shared() { return dynamic_; }
  void cp_async(const AsyncCopy& copy);
  void cp_async_commit();
  void cp_async_wait(int n, const void* pc);
  // Leaves all threads where they are.
  [[noreturn]] void abandon();

  // --- for reports and the shadow memory ---
  int thread() const { return current_; }
  int warp_epoch() const { return warps_[static_cast<size_t>(current_ / 32)].epoch; }
  bool owns(const void* p) const { return p >= arena_ && p < arena_ + kArenaBytes; }
  const unsigned char* arena() const { return arena_; }
  std::string where() const;  // the current thread's indices

  static constexpr size_t kArenaBytes = size_t{512} << 10;
  static constexpr size_t kRedZone = 64;

 private:
  enum class State : uint8_t { unstarted, running, ready, at_barrier, in_warp, exited };
  struct Thread {
    Context context;
    char* stack = nullptr;
    State state = State::unstarted;
    Site site{};
    const char* operation = "";
    uint3 index{};
    std::vector<std::vector<AsyncCopy>> copies;  // groups of cp.async; the last is open
  };
  // Lanes that meet at one place.
  struct Meeting {
    Lanes lanes;
    unsigned arrived = 0;
    Site site{};
    const char* operation = "";
  };
  struct Warp {
    std::vector<std::unique_ptr<Meeting>> meetings;
    int epoch = 0;
  };
  struct Shared {
    const void* key;  // null for the dynamic one
    const char* name;
    unsigned char* data;
    size_t bytes;
  };

  static void fiber_entry();
  void run_threads();
  void enter(int thread);
  int next_unstarted();
  void suspend(State state, const char* operation, Site site);
  void wake(int thread);
  void go_on();
  [[noreturn]] void nothing_runnable();
  void check_red_zones();
  void begin_interval();
  unsigned char* take_shared(const void* key, size_t bytes, size_t alignment, const char* name);

  const Launch* launch_ = nullptr;
  int total_ = 0, started_ = 0, exited_ = 0, at_barrier_ = 0, current_ = 0;
  bool backwards_ = false, abandoned_ = false;
  Site barrier_site_{};
  std::vector<Thread> threads_;
  std::vector<Warp> warps_;
  std::deque<int> ready_;
  Context main_;
  std::vector<char*> free_stacks_;
  unsigned char* arena_;
  size_t arena_used_ = 0, shared_bytes_ = 0;
  std::vector<Shared> shared_;
  unsigned char* dynamic_ = nullptr;
};

// The block that this OS thread runs, or null.
Block* current_block();

}  // namespace emulator
