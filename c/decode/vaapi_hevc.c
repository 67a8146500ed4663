#include "vaapi.h"
static void *open_stream(void) { return NULL; }
const struct pb_vd_codec pb_vd_hevc = {.open = open_stream};
