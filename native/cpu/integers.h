// Whole numbers: sizes, places, pieces.
#pragma once
#include <cstdint>

#include "cpu/isa_namespace.h"

namespace nabla::NABLA_ISA {

constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
constexpr int64_t min_of(int64_t a, int64_t b) { return a < b ? a : b; }
constexpr int64_t max_of(int64_t a, int64_t b) { return a > b ? a : b; }

}  // namespace nabla::NABLA_ISA
