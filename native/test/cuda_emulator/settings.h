// What environment variables decide, and what was found wrong.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

#include "device.h"

namespace emulator {

struct Settings {
  int devices;               // NABLA_EMULATOR_DEVICES: 1; 0 as on a machine without a GPU
  int capability;            // NABLA_EMULATOR_CAPABILITY: 90
  uint64_t seed;             // NABLA_EMULATOR_SEED: 1; the order of streams, blocks and threads
  int workers;               // NABLA_EMULATOR_THREADS: one per core
  size_t memory;             // NABLA_EMULATOR_MEMORY: bytes of the device
  std::string deleted_file;  // NABLA_EMULATOR_DELETE=file:line, a barrier or wait to leave out
  int deleted_line;
};
const Settings& settings();

// Whether threads, or blocks, start backwards: on a device no order is promised.
bool threads_backwards();
bool blocks_backwards();

// A barrier or wait is called; true when it is to be left out.
bool is_deleted(Site site);

// Prints what is wrong, with the kernel's place. `kind` is one word that tests look for. The device gets an error.
void report(const char* kind, const char* format, ...) __attribute__((format(printf, 2, 3)));
int64_t reports();
// Whether anything was reported since the last call.
bool take_report();

std::string text(Site site);

}  // namespace emulator
