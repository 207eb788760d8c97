#include "block.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

#include "settings.h"
#include "shadow.h"

#define NABLA_EMULATOR_BUILTIN __thread uint3 __attribute__((tls_model("initial-exec")))
NABLA_EMULATOR_BUILTIN threadIdx;
NABLA_EMULATOR_BUILTIN blockIdx;
NABLA_EMULATOR_BUILTIN blockDim;
NABLA_EMULATOR_BUILTIN gridDim;

namespace emulator {

namespace {

__thread Block* running = nullptr;

bool same(Site a, Site b) { return a.line == b.line && (a.file == b.file || !std::strcmp(a.file, b.file)); }

}  // namespace

Block* current_block() { return running; }

Block::Block() : arena_(static_cast<unsigned char*>(std::aligned_alloc(4096, kArenaBytes))) {
  shadow::add_region(arena_, kArenaBytes);
}

Block::~Block() {
  shadow::remove_region(arena_);
  std::free(arena_);
  for (char* stack : free_stacks_) delete_stack(stack);
}

bool Block::run(const Launch& launch, uint64_t index) {
  launch_ = &launch;
  total_ = launch.threads();
  started_ = exited_ = at_barrier_ = 0;
  abandoned_ = false;
  backwards_ = threads_backwards();
  if (threads_.size() < static_cast<size_t>(total_)) threads_.resize(static_cast<size_t>(total_));
  warps_.resize(static_cast<size_t>(total_ + 31) / 32);
  for (Warp& warp : warps_) warp.epoch = 0;
  shared_.clear();
  arena_used_ = shared_bytes_ = 0;
  shadow::begin_block(*this);
  dynamic_ = take_shared(nullptr, launch.shared_bytes, 128, "the dynamic one");

  blockDim = launch.block;
  gridDim = launch.grid;
  const uint64_t row = index / launch.grid.x;
  blockIdx = {static_cast<unsigned>(index % launch.grid.x), static_cast<unsigned>(row % launch.grid.y),
              static_cast<unsigned>(row / launch.grid.y)};
  running = this;
  enter(next_unstarted());
  Thread& first = threads_[static_cast<size_t>(current_)];
  first.stack = free_stacks_.empty() ? new_stack() : free_stacks_.back();
  if (!free_stacks_.empty()) free_stacks_.pop_back();
  start_context(first.context, first.stack, fiber_entry);
  switch_context(main_, first.context);
  running = nullptr;

  // What an error left behind.
  for (int t = 0; t < total_; ++t) {
    Thread& thread = threads_[static_cast<size_t>(t)];
    if (thread.stack) free_stacks_.push_back(thread.stack);
    thread.stack = nullptr;
    thread.state = State::unstarted;
    thread.copies.clear();
  }
  for (Warp& warp : warps_) warp.meetings.clear();
  ready_.clear();
  if (!abandoned_) check_red_zones();
  return !abandoned_;
}

int Block::next_unstarted() {
  const int t = started_++;
  return backwards_ ? total_ - 1 - t : t;
}

// Makes `thread` the current one.
void Block::enter(int thread) {
  Thread& t = threads_[static_cast<size_t>(thread)];
  current_ = thread;
  if (t.state == State::unstarted) {
    const unsigned n = static_cast<unsigned>(thread), x = launch_->block.x, y = launch_->block.y;
    t.index = {n % x, n / x % y, n / x / y};
  }
  t.state = State::running;
  threadIdx = t.index;
}

void Block::fiber_entry() { running->run_threads(); }

// What a fiber does: run threads that have not started; each keeps the fiber until it ends.
void Block::run_threads() {
  for (;;) {
    launch_->thread();
    Thread& me = threads_[static_cast<size_t>(current_)];
    me.state = State::exited;
    ++exited_;
    if (ready_.empty() && started_ < total_) {
      char* stack = me.stack;
      me.stack = nullptr;
      enter(next_unstarted());
      threads_[static_cast<size_t>(current_)].stack = stack;
      continue;
    }
    // Nobody takes the stack before it is left for good.
    free_stacks_.push_back(me.stack);
    me.stack = nullptr;
    Context left;
    if (!ready_.empty()) {
      const int next = ready_.front();
      ready_.pop_front();
      enter(next);
      switch_context(left, threads_[static_cast<size_t>(next)].context);
    } else if (exited_ == total_) {
      switch_context(left, main_);
    }
    nothing_runnable();
  }
}

// Lets others run until somebody wakes this thread.
void Block::suspend(State state, const char* operation, Site site) {
  const int self = current_;
  Thread& me = threads_[static_cast<size_t>(self)];
  me.state = state;
  me.operation = operation;
  me.site = site;
  if (!ready_.empty()) {
    const int next = ready_.front();
    ready_.pop_front();
    enter(next);
    if (next != self) switch_context(me.context, threads_[static_cast<size_t>(next)].context);
  } else if (started_ < total_) {
    enter(next_unstarted());
    Thread& next = threads_[static_cast<size_t>(current_)];
    next.stack = free_stacks_.empty() ? new_stack() : free_stacks_.back();
    if (!free_stacks_.empty()) free_stacks_.pop_back();
    start_context(next.context, next.stack, fiber_entry);
    switch_context(me.context, next.context);
  } else {
    nothing_runnable();
  }
}

void Block::wake(int thread) {
  threads_[static_cast<size_t>(thread)].state = State::ready;
  ready_.push_back(thread);
}

void Block::abandon() {
  abandoned_ = true;
  Context left;
  switch_context(left, main_);
  std::abort();
}

void Block::nothing_runnable() {
  std::map<std::string, int> places;
  for (int t = 0; t < total_; ++t) {
    const Thread& thread = threads_[static_cast<size_t>(t)];
    if (thread.state == State::exited) {
      ++places["have exited"];
    } else {
      ++places[std::string("wait in ") + thread.operation + " at " + text(thread.site)];
    }
  }
  std::string list;
  for (const auto& [place, count] : places) list += "\n    " + std::to_string(count) + " threads " + place;
  report("deadlock", "no thread of block (%u, %u, %u) can go on:%s", blockIdx.x, blockIdx.y, blockIdx.z, list.c_str());
  abandon();
}

std::string Block::where() const {
  char line[200];
  std::snprintf(line, sizeof line, "thread (%u, %u, %u) of block (%u, %u, %u)", threadIdx.x, threadIdx.y, threadIdx.z,
                blockIdx.x, blockIdx.y, blockIdx.z);
  return line;
}

// --- barriers and warp operations ---------------------------------------------------------------------------

void Block::sync_threads(Site site) {
  if (at_barrier_ > 0 && !same(site, barrier_site_)) {
    report("divergence", "__syncthreads at %s by %s, but others wait at %s", text(site).c_str(), where().c_str(),
           text(barrier_site_).c_str());
    abandon();
  }
  barrier_site_ = site;
  if (++at_barrier_ < total_) return suspend(State::at_barrier, "__syncthreads", site);
  at_barrier_ = 0;
  begin_interval();
  for (int k = 0; k < total_; ++k) {
    const int t = backwards_ ? total_ - 1 - k : k;
    if (t != current_) wake(t);
  }
}

void Block::begin_interval() {
  for (Warp& warp : warps_) warp.epoch = 0;
  shadow::begin_interval();
}

void Block::sync_warp(unsigned mask, Site site) {
  if (Lanes* lanes = warp_arrive(mask, "__syncwarp", nullptr, nullptr, site)) {
    ++warps_[static_cast<size_t>(current_ / 32)].epoch;
    warp_done(lanes);
  }
}

Lanes* Block::warp_arrive(unsigned mask, const char* operation, const void* in, void* out, Site site) {
  const int lane = current_ % 32;
  const unsigned bit = 1u << lane;
  Warp& warp = warps_[static_cast<size_t>(current_ / 32)];
  if (!(mask & bit)) {
    report("divergence", "%s at %s by %s, whose lane %d is not in the mask %08x", operation, text(site).c_str(),
           where().c_str(), lane, mask);
    abandon();
  }
  Meeting* meeting = nullptr;
  for (const auto& other : warp.meetings) {
    if (!(other->lanes.mask & mask)) continue;
    if (other->lanes.mask != mask || !same(other->site, site) || std::strcmp(other->operation, operation)) {
      report("divergence", "%s at %s with mask %08x by %s, but others wait in %s at %s with mask %08x", operation,
             text(site).c_str(), mask, where().c_str(), other->operation, text(other->site).c_str(), other->lanes.mask);
      abandon();
    }
    meeting = other.get();
  }
  if (!meeting) {
    warp.meetings.push_back(std::make_unique<Meeting>());
    meeting = warp.meetings.back().get();
    meeting->lanes.mask = mask;
    meeting->site = site;
    meeting->operation = operation;
  }
  meeting->arrived |= bit;
  meeting->lanes.in[lane] = in;
  meeting->lanes.out[lane] = out;
  if (meeting->arrived == mask) return &meeting->lanes;
  suspend(State::in_warp, operation, site);
  return nullptr;
}

void Block::warp_done(Lanes* lanes) {
  const int first = current_ / 32 * 32;
  for (int lane = 0; lane < 32; ++lane) {
    if (lanes->has(lane) && first + lane != current_) wake(first + lane);
  }
  std::vector<std::unique_ptr<Meeting>>& meetings = warps_[static_cast<size_t>(current_ / 32)].meetings;
  meetings.erase(std::find_if(meetings.begin(), meetings.end(),
                              [&](const std::unique_ptr<Meeting>& m) { return &m->lanes == lanes; }));
}

// --- shared memory -------------------------------------------------------------------------------------------

// Between red zones. Everything starts as 0xFF, which is NaN for floats.
unsigned char* Block::take_shared(const void* key, size_t bytes, size_t alignment, const char* name) {
  const size_t step = std::max(alignment, kRedZone);
  const size_t begin = (arena_used_ + kRedZone + step - 1) / step * step;
  const size_t end = begin + bytes + kRedZone;
  shared_bytes_ += bytes;
  if (shared_bytes_ > launch_->shared_limit || end > kArenaBytes) {
    report("limit", "%zu bytes of shared memory, %zu are allowed", shared_bytes_, launch_->shared_limit);
    abandon();
  }
  std::memset(arena_ + arena_used_, 0xff, end - arena_used_);
  shadow::forbid(arena_ + arena_used_, end - arena_used_);
  shadow::allow(arena_ + begin, bytes);
  arena_used_ = end;
  shared_.push_back({key, name, arena_ + begin, bytes});
  return arena_ + begin;
}

void* Block::shared_array(const void* key, size_t bytes, size_t alignment, const char* name) {
  for (const Shared& s : shared_) {
    if (s.key == key) return s.data;
  }
  return take_shared(key, bytes, alignment, name);
}

void Block::check_red_zones() {
  for (const Shared& s : shared_) {
    for (size_t i = 1; i <= kRedZone; ++i) {
      const bool before = s.data[-static_cast<ptrdiff_t>(i)] != 0xff;
      if (!before && s.data[s.bytes + i - 1] == 0xff) continue;
      report("bounds", "a write %zu bytes %s a shared array (%s, %zu bytes), in block (%u, %u, %u)", i,
             before ? "before" : "behind", s.name, s.bytes, blockIdx.x, blockIdx.y, blockIdx.z);
      return;
    }
  }
}

// --- cp.async ------------------------------------------------------------------------------------------------

void Block::cp_async(const AsyncCopy& copy) {
  Thread& me = threads_[static_cast<size_t>(current_)];
  if (me.copies.empty()) me.copies.emplace_back();
  me.copies.back().push_back(copy);
}

void Block::cp_async_commit() {
  Thread& me = threads_[static_cast<size_t>(current_)];
  if (me.copies.empty()) me.copies.emplace_back();
  me.copies.emplace_back();
}

void Block::cp_async_wait(int n, const void* pc) {
  std::vector<std::vector<AsyncCopy>>& groups = threads_[static_cast<size_t>(current_)].copies;
  // The open group has not been committed: nobody waits for it.
  while (groups.size() > static_cast<size_t>(n) + 1) {
    for (const AsyncCopy& copy : groups.front()) {
      shadow::arrived(copy.to, static_cast<size_t>(copy.bytes + copy.zeros), pc);
      std::memcpy(copy.to, copy.from, static_cast<size_t>(copy.bytes));
      std::memset(static_cast<char*>(copy.to) + copy.bytes, 0, static_cast<size_t>(copy.zeros));
    }
    groups.erase(groups.begin());
  }
}

// --- what kernels call ---------------------------------------------------------------------------------------

namespace {

Block& block_of_caller(const char* what) {
  if (running) return *running;
  std::fprintf(stderr, "emulator: %s outside a kernel\n", what);
  std::abort();
}

}  // namespace

void sync_threads(Site site) {
  if (!is_deleted(site)) block_of_caller("__syncthreads").sync_threads(site);
}
void sync_warp(unsigned mask, Site site) {
  if (!is_deleted(site)) block_of_caller("__syncwarp").sync_warp(mask, site);
}
Lanes* warp_arrive(unsigned mask, const char* operation, const void* in, void* out, Site site) {
  return block_of_caller(operation).warp_arrive(mask, operation, in, out, site);
}
void warp_done(Lanes* lanes) { running->warp_done(lanes); }
void* shared_array(const void* key, size_t bytes, size_t alignment, const char* name) {
  return block_of_caller("SHARED").shared_array(key, bytes, alignment, name);
}
unsigned char* dynamic_shared() { return block_of_caller("DYN_SHARED").dynamic_shared(); }

void cp_async(void* shared, const void* global, int bytes, int zeros) {
  Block& block = block_of_caller("cp.async");
  const size_t size = static_cast<size_t>(bytes + zeros);
  if (bytes < 0 || zeros < 0 || reinterpret_cast<uintptr_t>(shared) % size ||
      reinterpret_cast<uintptr_t>(global) % size) {
    report("alignment", "cp.async of %zu bytes from %p to %p by %s", size, global, shared, block.where().c_str());
    block.abandon();
  }
  if (!block.owns(shared) || block.owns(global)) {
    report("bounds", "cp.async goes from global to shared memory only, %s", block.where().c_str());
    block.abandon();
  }
  shadow::departs(shared, size, global, static_cast<size_t>(bytes), __builtin_return_address(0));
  block.cp_async({shared, global, bytes, zeros});
}
void cp_async_commit() { block_of_caller("cp.async").cp_async_commit(); }
void cp_async_wait_at(int n, Site site) {
  if (!is_deleted(site)) block_of_caller("cp.async").cp_async_wait(n, __builtin_return_address(0));
}

void atomic_access(void* p, size_t bytes) { shadow::atomic(p, bytes, __builtin_return_address(0)); }

void trap(Site site) {
  Block& block = block_of_caller("__trap");
  report("trap", "__trap at %s by %s", text(site).c_str(), block.where().c_str());
  block.abandon();
}
void shuffle_fault(int lane, int source, Site site) {
  Block& block = block_of_caller("a shuffle");
  report("divergence", "a shuffle at %s: lane %d reads lane %d, which does not take part, %s", text(site).c_str(), lane,
         source, block.where().c_str());
  block.abandon();
}

}  // namespace emulator
