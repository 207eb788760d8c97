#include "streams.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "settings.h"
#include "shadow.h"

namespace emulator {

Streams::Streams() : random_(settings().seed) { default_ = create(true); }

Stream* Streams::create(bool blocking) {
  streams_.push_back(std::make_unique<Stream>(streams_made_++, blocking));
  return streams_.back().get();
}

void Streams::destroy(Stream* stream) {
  const auto found = std::find_if(streams_.begin(), streams_.end(), [&](const auto& s) { return s.get() == stream; });
  if (!(*found)->work_.empty()) leaving_.push_back(std::move(*found));
  streams_.erase(found);
}

bool Streams::exists(const Stream* stream) const {
  return std::any_of(streams_.begin(), streams_.end(), [&](const auto& s) { return s.get() == stream; });
}

void Streams::queue(Stream* stream, std::function<void()> run, std::vector<Point> after) {
  if (!stream) {
    stream = default_;
    for (const auto& other : streams_) {
      if (other->blocking()) after.push_back(other->last());
    }
  } else if (stream->blocking()) {
    after.push_back(default_->last());
  }
  for (const Point& p : after) stream->clock_.join(p.clock);
  stream->clock_.join(host_);
  stream->clock_.set_own(stream->id_, stream->progress_->queued + 1);
  after.erase(std::remove_if(after.begin(), after.end(), [](const Point& p) { return p.reached(); }), after.end());
  // A stream keeps its own order anyway.
  after.erase(std::remove_if(after.begin(), after.end(), [&](const Point& p) { return p.stream == stream->progress_; }),
              after.end());
  stream->work_.push_back({std::move(after), std::move(run), stream->clock_});
  ++stream->progress_->queued;
}

std::vector<Stream*> Streams::ready() const {
  std::vector<Stream*> found;
  for (const auto* list : {&streams_, &leaving_}) {
    for (const auto& s : *list) {
      if (s->work_.empty()) continue;
      const std::vector<Point>& after = s->work_.front().after;
      if (std::all_of(after.begin(), after.end(), [](const Point& p) { return p.reached(); })) found.push_back(s.get());
    }
  }
  return found;
}

void Streams::step() {
  const std::vector<Stream*> candidates = ready();
  if (candidates.empty()) return;
  Stream* stream = candidates[random_() % candidates.size()];
  const Stream::Work work = std::move(stream->work_.front());
  stream->work_.pop_front();
  shadow::begin_work(work.clock);
  work.run();
  ++stream->progress_->done;
  leaving_.erase(std::remove_if(leaving_.begin(), leaving_.end(), [](const auto& s) { return s->work_.empty(); }),
                 leaving_.end());
}

void Streams::run_until(const Point& point) {
  while (!point.reached()) {
    if (ready().empty()) {
      std::fprintf(stderr, "emulator: streams wait for each other\n");
      std::abort();
    }
    step();
  }
  seen(point);
}

void Streams::run_all() {
  while (!ready().empty()) step();
  for (const auto& s : streams_) seen(s->last());
  shadow::all_done();
}

void Streams::drop() {
  for (auto* list : {&streams_, &leaving_}) {
    for (const auto& s : *list) {
      s->work_.clear();
      s->progress_->done = s->progress_->queued;
    }
  }
  leaving_.clear();
}

}  // namespace emulator
