/* Reads the picture that a program has drawn into the back buffer of its window, by the context that is current, and leaves
 * that context as it was. Not safe for threads: the caller holds a lock. */
#ifndef READ_H
#define READ_H
#include "gl.h"

/* Gets rows from the lowest up, RGBA, tightly packed. */
typedef void (*read_done)(void *to, const uint8_t *rows, uint32_t width, uint32_t height, uint64_t drawn_us);

struct reader {
    const void *context; /* whose reader this is; NULL for an unused one */
    const struct gl *gl;
    int version;         /* 10 x major + minor */
    bool embedded;       /* OpenGL ES */
    uint32_t buffers[2]; /* pixel buffers that are filled in turn; 0 when the context has none */
    uint32_t next;       /* which of them is filled next */
    bool pending;        /* the other one is being filled by the graphics processor */
    void *fence;         /* given when it is full; NULL without fences */
    uint32_t width, height, sizes[2];
    uint64_t drawn_us;
    uint8_t *memory; /* for contexts without pixel buffers */
    size_t capacity;
};

/* False when this context cannot be read. It is current. */
bool reader_open(struct reader *reader, const struct gl *gl, const void *context);
/* Starts reading the back buffer, before it is swapped away; finishes at once where a context cannot read behind the back. */
void reader_start(struct reader *reader, uint32_t width, uint32_t height, uint64_t now_us, read_done done, void *to);
/* Hands over a picture that was started, if there is one; one that is not ready only when it may `wait`. */
void reader_finish(struct reader *reader, bool wait, read_done done, void *to);
/* Its context is gone, and its buffers with it. */
void reader_forget(struct reader *reader);
#endif
