// Says which thread of which block is to blame before the process ends by a bad address.
#pragma once

namespace emulator {

// For this OS thread, once.
void catch_crashes();

}  // namespace emulator
