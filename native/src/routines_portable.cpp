// For any processor.
#define REDUCTION_ISA portable
#include "routines.inl"
#include "log_routines.inl"

namespace reduction {
extern const Routines kPortable;
const Routines kPortable{"portable",           portable::structure, portable::find_keys,
                       portable::parse_quads, portable::mark_log, portable::skip_log_lines};
}  // namespace reduction
