#include "settings.h"

#include <atomic>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include "test_api.h"

namespace emulator {

namespace {

long long number(const char* name, long long otherwise) {
  const char* value = std::getenv(name);
  return value && *value ? std::atoll(value) : otherwise;
}

std::atomic<int64_t> deletions{0};

Settings read_settings() {
  Settings s;
  s.devices = static_cast<int>(number("NABLA_EMULATOR_DEVICES", 1));
  s.capability = static_cast<int>(number("NABLA_EMULATOR_CAPABILITY", 90));
  s.seed = static_cast<uint64_t>(number("NABLA_EMULATOR_SEED", 1));
  s.workers = static_cast<int>(number("NABLA_EMULATOR_THREADS", static_cast<int>(std::thread::hardware_concurrency())));
#if defined(NABLA_EMULATOR_CHECKED)
  s.workers = 1;  // the shadow memory knows one block at a time
#endif
  if (s.workers < 1) s.workers = 1;
  s.memory = static_cast<size_t>(number("NABLA_EMULATOR_MEMORY", int64_t{8} << 30));
  s.deleted_line = 0;
  if (const char* place = std::getenv("NABLA_EMULATOR_DELETE")) {
    const char* colon = std::strrchr(place, ':');
    if (!colon) {
      std::fprintf(stderr, "NABLA_EMULATOR_DELETE: expected file:line, received %s\n", place);
      std::exit(2);
    }
    s.deleted_file.assign(place, colon);
    s.deleted_line = std::atoi(colon + 1);
    // The script that deletes one barrier after another must know whether the test came by.
    std::atexit(
        [] { std::fprintf(stderr, "emulator: left out %lld calls\n", static_cast<long long>(deletions.load())); });
  }
  return s;
}

bool ends_with(const char* text, const std::string& end) {
  const size_t length = std::strlen(text);
  return length >= end.size() && !std::strcmp(text + length - end.size(), end.c_str());
}

std::atomic<int64_t> count{0}, taken{0};

}  // namespace

const Settings& settings() {
  static const Settings s = read_settings();
  return s;
}

namespace {
std::atomic<uint64_t>& order() {
  static std::atomic<uint64_t> o{settings().seed};
  return o;
}
}  // namespace
void change_order() { ++order(); }
bool threads_backwards() { return order() % 2 == 0; }
bool blocks_backwards() { return order() / 2 % 2 != 0; }

namespace {
const char* const sites_file = std::getenv("NABLA_EMULATOR_SITES");
std::mutex sites_mutex;
std::set<std::pair<const char*, int>> sites;
}  // namespace

void note_sites(const char* test, double milliseconds) {
  if (!sites_file) return;
  const std::lock_guard<std::mutex> lock(sites_mutex);
  FILE* file = std::fopen(sites_file, "a");
  if (!file) std::abort();
  for (const auto& [name, line] : sites) std::fprintf(file, "%s %.0f %s:%d\n", test, milliseconds, name, line);
  std::fclose(file);
  sites.clear();
}

bool is_deleted(Site site) {
  if (sites_file) {
    const std::lock_guard<std::mutex> lock(sites_mutex);
    sites.insert({site.file, site.line});
  }
  const Settings& s = settings();
  if (s.deleted_line == 0 || site.line != s.deleted_line || !ends_with(site.file, s.deleted_file)) return false;
  ++deletions;
  return true;
}

void report(const char* kind, const char* format, ...) {
  if (count++ >= 20) return;  // one mistake often shows thousands of times
  char message[2000];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  std::fprintf(stderr, "emulator: %s: %s\n", kind, message);
}

int64_t reports() { return count; }

bool take_report() {
  const int64_t now = count;
  return taken.exchange(now) != now;
}

std::string text(Site site) { return std::string(site.file) + ":" + std::to_string(site.line); }

}  // namespace emulator
