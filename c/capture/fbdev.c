#include "capture.h"
static bool probe(const char *t, char *d, size_t n) { (void)t; pb_error(d, n, "soon"); return false; }
static struct pb_capture *op(const struct pb_capture_settings *s, char *e, size_t n) { (void)s; pb_error(e, n, "no framebuffer"); return NULL; }
const struct pb_capture_backend pb_capture_fbdev = {.name = "fbdev", .probe = probe, .open = op};
