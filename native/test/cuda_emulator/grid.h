// All blocks of a launch, spread over the cores.
#pragma once
#include "block.h"

namespace emulator {

// Stops at the first block that ends with an error.
void run_grid(const Launch& launch);

}  // namespace emulator
