// For any processor.
#define REDUCTION_ISA portable
#include "kernels.inl"
#include "log_lines.inl"

namespace reduction {
extern const Routines kPortable;
const Routines kPortable{"portable", portable::structure, portable::find_keys, portable::find_even_rows,
                         portable::parse_quads, portable::kLogs};
}  // namespace reduction
