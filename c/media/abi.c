/* The boundary's own three functions: which version it has, the clock, and a copy between addresses. */
#include "../gen/abi.h"

#include <string.h>

uint32_t pb_abi_version(void) { return PB_ABI_VERSION; }

double pb_now_us(void) { return (double)pb_monotonic_us(); }

void pb_copy(void *to, const void *from, uint32_t size) { memcpy(to, from, size); }
