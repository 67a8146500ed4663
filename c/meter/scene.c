/* The source of a glass-to-glass measurement: an override-redirect window at 0,0 whose pixels lie in shared memory, put
 * whole at each tick of an absolute clock. The time is written into the picture right before the put, and the next frame is
 * drawn only after the server has answered, so a stamp is never older than its picture. It uses a connection of its own,
 * reads no input, and an X server that dies ends the thread without a word. */
#include "scene.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <xcb/shm.h>
#include <xcb/xcb.h>

#include "content.h"
#include "timecode.h"

enum {
    MAX_FPS = 1000,
    STOP_CHECK_US = 50000, /* longest sleep before looking whether to stop */
    GIVE_UP_US = 1000000   /* this far behind, the missed frames are forgotten */
};

struct pb_scene {
    xcb_connection_t *connection;
    xcb_window_t window;
    xcb_gcontext_t context;
    xcb_shm_seg_t segment;
    uint8_t depth;
    uint32_t width, height, fps;
    uint32_t *pixels; /* shared with the X server */
    struct pb_content *content;
    pthread_t thread;
    bool started;
    atomic_bool stop, ended;
    atomic_uint_fast64_t painted, late;
};

static void sleep_until(struct pb_scene *scene, uint64_t deadline_us) {
    uint64_t now_us;
    while ((now_us = pb_monotonic_us()) < deadline_us && !atomic_load(&scene->stop)) {
        uint64_t until = deadline_us - now_us > STOP_CHECK_US ? now_us + STOP_CHECK_US : deadline_us;
        struct timespec t = {(time_t)(until / 1000000), (long)(until % 1000000) * 1000};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
    }
}

/* Waits until the server has done all that was asked before. False when it is gone. */
static bool server_is_through(xcb_connection_t *connection) {
    xcb_get_input_focus_reply_t *reply = xcb_get_input_focus_reply(connection, xcb_get_input_focus(connection), NULL);
    bool alive = reply != NULL;
    free(reply);
    for (xcb_generic_event_t *event; (event = xcb_poll_for_event(connection));) free(event);
    return alive && !xcb_connection_has_error(connection);
}

static void *paint(void *argument) {
    struct pb_scene *scene = argument;
    uint64_t start_us = pb_monotonic_us(), next_us = start_us;
    uint64_t ticks = 0; /* deadlines since start_us; not a sum of rounded periods, which would drift */
    for (uint32_t n = 0; !atomic_load(&scene->stop); n++) {
        pb_content_compose(scene->content, scene->pixels, n, (double)(next_us - start_us) / 1e6);
        if (n > 0 && pb_monotonic_us() > next_us) atomic_fetch_add(&scene->late, 1);
        sleep_until(scene, next_us);
        pb_timecode_paint((uint8_t *)scene->pixels, scene->width * 4, pb_monotonic_us(), (uint16_t)n);
        xcb_shm_put_image(scene->connection, scene->window, scene->context, (uint16_t)scene->width, (uint16_t)scene->height,
                          0, 0, (uint16_t)scene->width, (uint16_t)scene->height, 0, 0, scene->depth,
                          XCB_IMAGE_FORMAT_Z_PIXMAP, 0, scene->segment, 0);
        if (!server_is_through(scene->connection)) break;
        atomic_fetch_add(&scene->painted, 1);
        next_us = start_us + ++ticks * 1000000 / scene->fps;
        uint64_t now_us = pb_monotonic_us();
        if (now_us > next_us + GIVE_UP_US) {
            ticks = (now_us - start_us) * scene->fps / 1000000 + 1;
            next_us = start_us + ticks * 1000000 / scene->fps;
        }
    }
    atomic_store(&scene->ended, true);
    return NULL;
}

static bool attach_memory(struct pb_scene *scene) {
    int id = shmget(IPC_PRIVATE, (size_t)scene->width * scene->height * 4, IPC_CREAT | 0600);
    if (id < 0) return false;
    void *memory = shmat(id, NULL, 0);
    bool attached = false;
    if (memory != (void *)-1) {
        scene->pixels = memory;
        scene->segment = xcb_generate_id(scene->connection);
        xcb_generic_error_t *refused =
            xcb_request_check(scene->connection, xcb_shm_attach_checked(scene->connection, scene->segment, (uint32_t)id, 0));
        attached = !refused && !xcb_connection_has_error(scene->connection);
        free(refused);
    }
    shmctl(id, IPC_RMID, NULL); /* the segment lives until both sides let go */
    return attached;
}

static void open_window(struct pb_scene *scene, const xcb_screen_t *screen) {
    static const char title[] = "Patchbay scene";
    xcb_connection_t *c = scene->connection;
    uint32_t values[] = {screen->black_pixel, 1 /* override redirect: no frame, no moving about */};
    scene->window = xcb_generate_id(c);
    xcb_create_window(c, XCB_COPY_FROM_PARENT, scene->window, screen->root, 0, 0, (uint16_t)scene->width,
                      (uint16_t)scene->height, 0, XCB_WINDOW_CLASS_INPUT_OUTPUT, screen->root_visual,
                      XCB_CW_BACK_PIXEL | XCB_CW_OVERRIDE_REDIRECT, values);
    xcb_change_property(c, XCB_PROP_MODE_REPLACE, scene->window, XCB_ATOM_WM_NAME, XCB_ATOM_STRING, 8, sizeof title - 1, title);
    scene->context = xcb_generate_id(c);
    xcb_create_gc(c, scene->context, scene->window, 0, NULL);
    xcb_map_window(c, scene->window);
}

/* A sentence why this screen cannot show the scene, or NULL. */
static const char *unfit(struct pb_scene *scene, const xcb_screen_t *screen) {
    const xcb_setup_t *setup = xcb_get_setup(scene->connection);
    int bits = 0;
    for (xcb_format_iterator_t i = xcb_setup_pixmap_formats_iterator(setup); i.rem; xcb_format_next(&i))
        if (i.data->depth == screen->root_depth) bits = i.data->bits_per_pixel;
    if (bits != 32 || screen->root_depth < 24 || setup->image_byte_order != XCB_IMAGE_ORDER_LSB_FIRST)
        return "the screen has no 24-bit colour";
    if (scene->width < PB_TIMECODE_COLUMNS * PB_TIMECODE_CELL || scene->height < PB_TIMECODE_ROWS * PB_TIMECODE_CELL)
        return "a scene needs at least 896 x 64 pixels for its timecode";
    if (scene->width > PB_MAX_WIDTH || scene->height > PB_MAX_HEIGHT) return "a scene has at most 8192 x 8192 pixels";
    const xcb_query_extension_reply_t *shm = xcb_get_extension_data(scene->connection, &xcb_shm_id);
    if (!shm || !shm->present) return "the X server lacks the MIT-SHM extension";
    return NULL;
}

static bool start_thread(struct pb_scene *scene) {
    sigset_t all, before; /* signals belong to the program's own threads */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    scene->started = pthread_create(&scene->thread, NULL, paint, scene) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return scene->started;
}

struct pb_scene *pb_scene_open(const char *target, uint32_t width, uint32_t height, uint32_t fps, const char *mode,
                               char *error, uint32_t error_size) {
    if (!pb_content_knows(mode)) {
        pb_error(error, error_size, "a scene is static, scroll, video or demo, not \"%s\"", mode);
        return NULL;
    }
    if (fps < 1 || fps > MAX_FPS) {
        pb_error(error, error_size, "a scene is painted 1 to %d times a second, not %u", MAX_FPS, fps);
        return NULL;
    }
    struct pb_scene *scene = calloc(1, sizeof *scene);
    if (!scene) {
        pb_error(error, error_size, "out of memory");
        return NULL;
    }
    const char *why = "the X display cannot be opened";
    int number = 0;
    const char *display = target && *target ? target : NULL;
    scene->connection = xcb_connect(display, &number);
    if (xcb_connection_has_error(scene->connection)) goto fail;
    xcb_screen_iterator_t screens = xcb_setup_roots_iterator(xcb_get_setup(scene->connection));
    while (number-- > 0 && screens.rem > 1) xcb_screen_next(&screens);
    scene->width = width ? width : screens.data->width_in_pixels;
    scene->height = height ? height : screens.data->height_in_pixels;
    scene->fps = fps;
    scene->depth = screens.data->root_depth;
    if ((why = unfit(scene, screens.data))) goto fail;
    why = "the X server refused shared memory (is it on another machine?)";
    if (!attach_memory(scene)) goto fail;
    why = "out of memory";
    if (!(scene->content = pb_content_open(mode, scene->width, scene->height))) goto fail;
    open_window(scene, screens.data);
    if (!start_thread(scene)) goto fail;
    return scene;
fail:
    pb_error(error, error_size, "%s: %s", display ? display : getenv("DISPLAY") ? getenv("DISPLAY") : "no DISPLAY", why);
    pb_scene_close(scene);
    return NULL;
}

uint64_t pb_scene_painted(struct pb_scene *scene) { return atomic_load(&scene->painted); }
uint64_t pb_scene_late(struct pb_scene *scene) { return atomic_load(&scene->late); }
bool pb_scene_ended(struct pb_scene *scene) { return atomic_load(&scene->ended); }

void pb_scene_close(struct pb_scene *scene) {
    if (!scene) return;
    atomic_store(&scene->stop, true);
    if (scene->started) pthread_join(scene->thread, NULL);
    if (scene->connection) xcb_disconnect(scene->connection); /* takes the window along */
    if (scene->pixels) shmdt(scene->pixels);
    pb_content_close(scene->content);
    free(scene);
}
