// What is ordered before a piece of work: for each stream, the number of the last piece that is.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

namespace emulator {

class Clock {
 public:
  uint64_t of(int stream) const {
    return static_cast<size_t>(stream) < numbers_.size() ? numbers_[static_cast<size_t>(stream)] : 0;
  }
  // The last entry's stream and number are those of the work itself.
  void set_own(int stream, uint64_t number) {
    raise(stream, number);
    stream_ = stream;
    number_ = number;
  }
  int stream() const { return stream_; }
  uint64_t number() const { return number_; }
  void join(const Clock& other) {
    for (size_t i = 0; i < other.numbers_.size(); ++i) raise(static_cast<int>(i), other.numbers_[i]);
  }

 private:
  void raise(int stream, uint64_t number) {
    if (numbers_.size() <= static_cast<size_t>(stream)) numbers_.resize(static_cast<size_t>(stream) + 1);
    numbers_[static_cast<size_t>(stream)] = std::max(numbers_[static_cast<size_t>(stream)], number);
  }
  std::vector<uint64_t> numbers_;
  int stream_ = 0;
  uint64_t number_ = 0;
};

}  // namespace emulator
