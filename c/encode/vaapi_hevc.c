#include "vaapi.h"
static bool describe(struct pb_encoder *e) { pb_va_fail(e->va, "no"); return false; }
const struct pb_va_codec pb_va_hevc = {.describe = describe};
