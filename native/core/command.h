// The format of commands: 32-bit words, written by src/ts/stream.ts and read by the executor. Every record
// begins at a multiple of 8 bytes.
//
//   kernel command   word 0  number of the kernel (its place in elementwise.def followed by ops.def)
//                    word 1  length of the record in words
//                    word 2  number of inputs | number of outputs << 16
//                    word 3  number of attributes
//                    inputs  an id alone: the tensor as it was allocated; or
//                            ~id, rank, offset, shape[rank], stride[rank]: a view of its elements
//                    outputs id, dtype, rank, shape[rank]: allocated by the executor
//                    (padding to 8 bytes), attributes as doubles
//   release          kRelease, 4, id, unused
//
// Records are plain data without pointers into JavaScript, so a recorded list can be replayed with other ids.
// The stream itself adds records that carry a pointer of its own: uploads, reads, and the jump to the ring's start.
#pragma once
#include <cstdint>

namespace nabla {

enum Control : int32_t {
  kRelease = -1,
  kUpload = -2,  // kUpload, 4, pointer to an Upload
  kRead = -3,    // kRead, length, pointer to a Read, operand (absent for a fence)
  kJump = -4,    // kJump, length: nothing more until the ring's start
};

constexpr int64_t kHeaderWords = 4;
// Of the buffer that JavaScript writes commands into.
constexpr int64_t kCommandBufferWords = 1 << 16;
constexpr int64_t kRingWords = 4 * kCommandBufferWords;
// Ids are dense, so this bounds the tables that they index.
constexpr int32_t kMaxId = 1 << 26;

}  // namespace nabla
