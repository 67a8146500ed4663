#include "va_standin.h"
VAStatus decode_hevc(struct driver *d, struct object *c) { (void)d, (void)c; return VA_STATUS_ERROR_UNIMPLEMENTED; }
