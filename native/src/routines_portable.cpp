// For any processor.
#define REDUCTION_ISA portable
#include "routines.inl"
#include "log_routines.inl"

namespace reduction {
extern const Routines kPortable;
const Routines kPortable{"portable", portable::structure, portable::find_keys, portable::find_even_rows,
                         portable::parse_quads, portable::kLogs};
}  // namespace reduction
