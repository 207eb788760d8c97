// Streams and events. Work is queued, and runs only when somebody waits; among the streams that could go on one is
// chosen by the seed. So work that is not ordered by events runs in an order that nobody expected.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <vector>

#include "clock.h"
#include "runtime_api.h"

namespace emulator {

// The work of a stream up to a number.
struct Point {
  std::shared_ptr<struct Progress> stream;
  uint64_t number = 0;
  Clock clock;  // what is ordered before its end
  bool reached() const;
};
struct Progress {
  uint64_t queued = 0, done = 0;
};
inline bool Point::reached() const { return !stream || stream->done >= number; }

struct Event {
  Point recorded;
};

class Stream {
 public:
  Stream(int id, bool blocking) : id_(id), blocking_(blocking), progress_(std::make_shared<Progress>()) {}
  Point last() const { return {progress_, progress_->queued, clock_}; }
  bool blocking() const { return blocking_; }

 private:
  friend class Streams;
  struct Work {
    std::vector<Point> after;
    std::function<void()> run;
    Clock clock;
  };
  int id_;
  bool blocking_;
  Clock clock_;  // of its last work
  std::shared_ptr<Progress> progress_;
  std::deque<Work> work_;
};

class Streams {
 public:
  Streams();
  Stream* create(bool blocking);
  // Its work is still done.
  void destroy(Stream* stream);
  bool exists(const Stream* stream) const;
  // Null stands for the default stream, which waits for the blocking streams and they for it.
  void queue(Stream* stream, std::function<void()> run, std::vector<Point> after = {});
  Point last(Stream* stream) { return (stream ? stream : default_)->last(); }
  void run_until(const Point& point);
  void run_all();
  // One piece of work, so that a loop of queries ends.
  void step();
  // The host has seen that the point is reached: what it queues from now on comes after.
  void seen(const Point& point) { host_.join(point.clock); }
  // Forgets what is queued.
  void drop();

 private:
  std::vector<Stream*> ready() const;

  std::vector<std::unique_ptr<Stream>> streams_;
  std::vector<std::unique_ptr<Stream>> leaving_;
  Stream* default_;
  int streams_made_ = 0;
  Clock host_;
  std::mt19937_64 random_;
};

}  // namespace emulator
