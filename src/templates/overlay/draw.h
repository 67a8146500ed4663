/* The X11 side of the overlay: a window with an alpha channel that takes no input, and pictures drawn into it. */
#ifndef DRAW_H
#define DRAW_H
#include "shmem/frames.h"

#include <xcb/shm.h>
#include <xcb/xcb.h>

struct screen {
    xcb_connection_t *connection;
    xcb_window_t root;
    xcb_visualid_t visual; /* 32 bits a pixel, of which 8 are alpha */
    xcb_colormap_t colours;
    uint8_t completion; /* event number of a finished picture; 0 without shared memory */
};

struct overlay {
    const struct screen *screen;
    xcb_window_t window;
    xcb_gcontext_t gc;
    xcb_shm_seg_t segment; /* 0: pictures go through the connection */
    uint32_t width, height;
    uint32_t *pixels;
    uint32_t seq;  /* of the picture that was drawn last */
    bool shown;    /* mapped */
    bool busy;     /* the server still reads `pixels` */
    bool moved;    /* another window moved and may lie over it */
};

/* NULL, or why there can be no overlay here. */
const char *screen_open(struct screen *screen);
bool screen_lost(const struct screen *screen);

bool overlay_open(struct overlay *overlay, const struct screen *screen, uint32_t width, uint32_t height, int x, int y);
/* Reads what the server said. Ends the program when the server is gone. */
void overlay_events(struct overlay *overlay);
/* Draws the newest picture unless it is drawn already; the first one makes the window visible. */
void overlay_draw(struct overlay *overlay, struct pb_frames *frames);
/* Back to the top, if it is not there. */
void overlay_raise(struct overlay *overlay);
void overlay_close(struct overlay *overlay);
/* Straight RGBA to the premultiplied ARGB word that X11's alpha visuals have. */
uint32_t premultiplied(const uint8_t rgba[4]);
#endif
