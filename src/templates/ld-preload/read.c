/* The reading of read.h. Pixel buffers let the graphics processor copy while the program goes on; a fence tells when it is
 * through, which is usually by the end of the swap. No call here can leave an error behind that the program would then find:
 * each is one that the context's version has, with values that it accepts. */
#include "read.h"

#include <stdio.h>
#include <stdlib.h>

void gl_load(struct gl *gl, void *(*find)(const char *name)) {
#define LOAD(name, result, parameters) gl->name = (result(*) parameters)find("gl" #name);
    GL_FUNCTIONS(LOAD)
#undef LOAD
}

bool reader_open(struct reader *r, const struct gl *gl, const void *context) {
    *r = (struct reader){.gl = gl};
    if (!gl->GetString || !gl->GetIntegerv || !gl->PixelStorei || !gl->ReadPixels || !gl->ReadBuffer) return false;
    const char *text = (const char *)gl->GetString(GL_VERSION);
    int major = 0, minor = 0;
    if (!text) return false;
    r->embedded = sscanf(text, "OpenGL ES %d.%d", &major, &minor) == 2;
    if (!r->embedded && sscanf(text, "%d.%d", &major, &minor) != 2) return false;
    r->version = 10 * major + minor;
    if (r->version < (r->embedded ? 20 : 11)) return false;
    r->context = context;
    bool buffers = gl->GenBuffers && gl->BindBuffer && gl->BufferData && gl->MapBufferRange && gl->UnmapBuffer;
    if (r->version >= 30 && buffers) gl->GenBuffers(2, r->buffers);
    return true;
}

/* What reading changes. The framebuffer comes first and goes back last, because the read buffer belongs to it. */
struct state {
    int32_t framebuffer, buffer, read_buffer, pack[6];
};

static bool has_framebuffers(const struct reader *r) { return (r->embedded || r->version >= 30) && r->gl->BindFramebuffer; }
static bool separate_read(const struct reader *r) { return r->version >= 30; }
static bool has_read_buffer(const struct reader *r) { return !r->embedded || r->version >= 30; }

static void bind_framebuffer(const struct reader *r, int32_t framebuffer) {
    r->gl->BindFramebuffer(separate_read(r) ? GL_READ_FRAMEBUFFER : GL_FRAMEBUFFER, (uint32_t)framebuffer);
}

/* Pixel storage: only the alignment in ES 2, no byte order in ES 3. */
static void pack_range(const struct reader *r, int *first, int *last) {
    *last = GL_PACK_ALIGNMENT;
    *first = !r->embedded ? GL_PACK_SWAP_BYTES : r->version >= 30 ? GL_PACK_ROW_LENGTH : GL_PACK_ALIGNMENT;
}

static void save(const struct reader *r, struct state *s) {
    const struct gl *gl = r->gl;
    int first, last;
    *s = (struct state){0};
    if (has_framebuffers(r)) {
        gl->GetIntegerv(separate_read(r) ? GL_READ_FRAMEBUFFER_BINDING : GL_FRAMEBUFFER_BINDING, &s->framebuffer);
        if (s->framebuffer) bind_framebuffer(r, 0);
    }
    if (has_read_buffer(r)) {
        gl->GetIntegerv(GL_READ_BUFFER, &s->read_buffer);
        if (s->read_buffer != GL_BACK && s->read_buffer != GL_BACK_LEFT) gl->ReadBuffer(GL_BACK);
    }
    if (r->buffers[0]) gl->GetIntegerv(GL_PIXEL_PACK_BUFFER_BINDING, &s->buffer);
    pack_range(r, &first, &last);
    for (int i = first; i <= last; i++) {
        gl->GetIntegerv((uint32_t)i, &s->pack[i - GL_PACK_SWAP_BYTES]);
        gl->PixelStorei((uint32_t)i, i == GL_PACK_ALIGNMENT ? 4 : 0);
    }
}

static void restore(const struct reader *r, const struct state *s) {
    const struct gl *gl = r->gl;
    int first, last;
    pack_range(r, &first, &last);
    for (int i = first; i <= last; i++) gl->PixelStorei((uint32_t)i, s->pack[i - GL_PACK_SWAP_BYTES]);
    if (r->buffers[0]) gl->BindBuffer(GL_PIXEL_PACK_BUFFER, (uint32_t)s->buffer);
    if (has_read_buffer(r) && s->read_buffer != GL_BACK && s->read_buffer != GL_BACK_LEFT)
        gl->ReadBuffer((uint32_t)s->read_buffer);
    if (s->framebuffer) bind_framebuffer(r, s->framebuffer);
}

static void read_at_once(struct reader *r, read_done done, void *to) {
    size_t size = (size_t)r->width * r->height * 4;
    if (size > r->capacity) {
        uint8_t *memory = realloc(r->memory, size);
        if (!memory) return;
        r->memory = memory;
        r->capacity = size;
    }
    r->gl->ReadPixels(0, 0, (int32_t)r->width, (int32_t)r->height, GL_RGBA, GL_UNSIGNED_BYTE, r->memory);
    done(to, r->memory, r->width, r->height, r->drawn_us);
}

static void read_behind(struct reader *r) {
    const struct gl *gl = r->gl;
    uint32_t size = r->width * r->height * 4;
    gl->BindBuffer(GL_PIXEL_PACK_BUFFER, r->buffers[r->next]);
    if (r->sizes[r->next] != size) gl->BufferData(GL_PIXEL_PACK_BUFFER, size, NULL, GL_STREAM_READ);
    r->sizes[r->next] = size;
    gl->ReadPixels(0, 0, (int32_t)r->width, (int32_t)r->height, GL_RGBA, GL_UNSIGNED_BYTE, NULL);
    bool fences = r->version >= (r->embedded ? 30 : 32) && gl->FenceSync && gl->ClientWaitSync && gl->DeleteSync;
    r->fence = fences ? gl->FenceSync(GL_SYNC_GPU_COMMANDS_COMPLETE, 0) : NULL;
    r->next = 1 - r->next;
    r->pending = true;
}

void reader_start(struct reader *r, uint32_t width, uint32_t height, uint64_t now_us, read_done done, void *to) {
    int32_t doubled = 1;
    if (!r->embedded) r->gl->GetIntegerv(GL_DOUBLEBUFFER, &doubled);
    if (!doubled) return; /* there is no back buffer to read */
    struct state state;
    save(r, &state);
    r->width = width;
    r->height = height;
    r->drawn_us = now_us;
    if (r->buffers[0]) read_behind(r);
    else read_at_once(r, done, to);
    restore(r, &state);
}

void reader_finish(struct reader *r, bool wait, read_done done, void *to) {
    const struct gl *gl = r->gl;
    if (!r->pending) return;
    if (!wait) {
        if (!r->fence) return;
        uint32_t now = gl->ClientWaitSync(r->fence, GL_SYNC_FLUSH_COMMANDS_BIT, 0);
        if (now != GL_ALREADY_SIGNALED && now != GL_CONDITION_SATISFIED) return;
    }
    if (r->fence) gl->DeleteSync(r->fence);
    r->fence = NULL;
    r->pending = false;
    uint32_t full = 1 - r->next;
    int32_t bound;
    gl->GetIntegerv(GL_PIXEL_PACK_BUFFER_BINDING, &bound);
    gl->BindBuffer(GL_PIXEL_PACK_BUFFER, r->buffers[full]);
    const uint8_t *rows = gl->MapBufferRange(GL_PIXEL_PACK_BUFFER, 0, r->sizes[full], GL_MAP_READ_BIT);
    if (rows) {
        done(to, rows, r->width, r->height, r->drawn_us);
        gl->UnmapBuffer(GL_PIXEL_PACK_BUFFER);
    }
    gl->BindBuffer(GL_PIXEL_PACK_BUFFER, (uint32_t)bound);
}

void reader_forget(struct reader *r) {
    free(r->memory);
    *r = (struct reader){0};
}
