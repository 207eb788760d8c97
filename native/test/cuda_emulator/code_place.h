// The source line of an address in the code.
#pragma once
#include <string>

namespace emulator {

// Of a call's return address; null is a copy's or a memset's. Asks addr2line, so it is slow.
std::string code_place(const void* pc);

}  // namespace emulator
