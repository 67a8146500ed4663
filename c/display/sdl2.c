#include "display.h"
static bool probe(const char *t, char *d, size_t s) { (void)t; pb_error(d, s, "not there yet"); return false; }
static struct pb_display *open_sdl(const struct pb_display_settings *t, char *d, size_t s) { (void)t; pb_error(d, s, "not there yet"); return NULL; }
const struct pb_display_backend pb_display_sdl2 = {.name = "sdl2", .probe = probe, .open = open_sdl};
