/* A stand-in for a DRM driver, behind the capture's own table of calls (struct drm_io). It keeps cards, framebuffers and a
 * cursor in plain memory, counts every descriptor, handle and mapping that is open, refuses whatever the kernel would, and can
 * be told to lie: to fail the n-th call, to spoil an answer, to know neither PRIME nor GETFB2 nor vertical blanks. */
#ifndef PB_DRM_DOUBLE_H
#define PB_DRM_DOUBLE_H
#include "capture/drm.h"

enum { DOUBLE_BUFFERS = 8, DOUBLE_FIRST_FB = 40, DOUBLE_PRIMARY = 31, DOUBLE_CURSOR = 32, DOUBLE_CRTC = 33, DOUBLE_CONNECTOR = 34 };

struct double_buffer {
    uint8_t *memory;
    size_t bytes;
    uint64_t identity;
    uint32_t fourcc, width, height, pitch, offset;
    uint64_t modifier;
    bool has_modifier;
};

struct drm_double {
    struct double_buffer buffer[DOUBLE_BUFFERS]; /* framebuffer DOUBLE_FIRST_FB + i */
    uint32_t shown, x, y, width, height;         /* shown: a framebuffer, 0 for a dark screen */
    uint32_t cursor_fb;
    int32_t cursor_x, cursor_y;
    bool unplugged;                              /* the connector leads nowhere */
    bool no_rights, no_getfb2, no_prime, no_prime_map, no_dumb, no_vblank, mute_vblank, claims_crowds;
    bool whole_pages;                            /* kept by drm_double_start */
    int fail_call, fail_errno;                   /* the n-th call from 1 on fails, 0 for none */
    uint32_t spoil_seed;                         /* not 0: answers are spoilt now and then */
    void (*before)(unsigned long request);       /* sees each call first */
    /* What is open now, and how many calls there were. */
    int cards, shared, handles, maps, calls;
    bool master;
};
extern struct drm_double drm_double;
extern const struct drm_io drm_double_io;

/* A fresh driver with one lit screen of this size in framebuffer DOUBLE_FIRST_FB, which `drm_io` then leads to. */
void drm_double_start(uint32_t width, uint32_t height, uint32_t fourcc);
/* Makes framebuffer DOUBLE_FIRST_FB + place anew, in memory of its own. */
struct double_buffer *drm_double_put(int place, uint32_t width, uint32_t height, uint32_t fourcc);
/* Frees the memory. False when anything is still open. */
bool drm_double_end(void);
#endif
