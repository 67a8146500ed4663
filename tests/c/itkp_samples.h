/* The messages of tests/vectors/itkp.ts as a C program states them: by the names of their fields, in the order of that table. */
#ifndef PB_ITKP_SAMPLES_H
#define PB_ITKP_SAMPLES_H
#include "include/patchbay_itkp.h"

enum { ITKP_SAMPLES = 22 };

static inline struct pb_itkp_text text(const char *value) {
    return pb_itkp_text_of(value);
}

static inline void sample_rect(struct pb_itkp_screen_rect *rect) {
    rect->x = 1.5f;
    rect->y = -2.0f;
    rect->width = 320.0f;
    rect->height = 200.25f;
    rect->rotation = 0.5f;
    rect->visible = true;
}

static inline void sample_window(struct pb_itkp_window_state *window) {
    window->x = -1;
    window->y = 32;
    window->width = 1920;
    window->height = 1080;
    window->dpi_scale = 1.25f;
    window->is_borderless = true;
    window->is_focused = true;
}

static inline void sample_state(struct pb_itkp_message *m, int which) {
    if (which == 5) {
        m->as.state_snapshot.app_id = text("nms");
        m->as.state_snapshot.timestamp_ms = 7;
        m->as.state_snapshot.data = text("{\"hp\":9}");
    } else if (which == 6) {
        m->as.state_event.app_id = text("nms");
        m->as.state_event.event_type = text("warp");
        m->as.state_event.timestamp_ms = 9007199254740991ull;
    } else if (which == 7) {
        m->as.state_query.app_id = text("\xc3\xa9");
        m->as.state_query.query_type = text("q");
        m->as.state_query.params = text("[]");
    } else if (which == 8) {
        m->as.state_response.success = true;
        m->as.state_response.has_data = true;
        m->as.state_response.data = text("{}");
    } else {
        m->as.state_response.has_error = true;
        m->as.state_response.error = text("no");
    }
}

static inline void sample_video(struct pb_itkp_message *m, int which) {
    if (which == 13) {
        m->as.video_load.source = text("file:///a.mkv");
        m->as.video_load.start_position_ms = 5000;
        m->as.video_load.autoplay = true;
    } else if (which == 15) {
        m->as.video_play.has_from_position_ms = true;
        m->as.video_play.from_position_ms = 300;
    } else if (which == 17) {
        m->as.video_seek.position_ms = 90000;
    } else if (which == 18) {
        m->as.video_state.content_id = text("c");
        m->as.video_state.position_ms = 10;
        m->as.video_state.is_playing = true;
        m->as.video_state.playback_rate = 0.5;
        m->as.video_state.volume = 0.75f;
    } else if (which == 19) {
        m->as.video_metadata.content_id = text("c");
        m->as.video_metadata.width = 1280;
        m->as.video_metadata.height = 720;
        m->as.video_metadata.duration_ms = 60000;
        m->as.video_metadata.fps = 23.5f;
        m->as.video_metadata.codec = text("h264");
        m->as.video_metadata.has_title = true;
        m->as.video_metadata.title = text("\xce\xa3");
    } else if (which == 20) {
        m->as.video_error.code = PB_ITKP_VIDEO_YOUTUBE_EXTRACTION_FAILED;
        m->as.video_error.message = text("x");
    }
}

/* The sample of this number, from 0 to ITKP_SAMPLES - 1. */
static inline void itkp_sample(int which, struct pb_itkp_message *m) {
    static const uint32_t types[ITKP_SAMPLES] = {0,  1,  10, 11, 12, 20, 21, 22, 23, 23, 30,
                                                 31, 32, 40, 41, 41, 42, 43, 44, 45, 46, 255};
    memset(m, 0, sizeof *m);
    m->type = types[which];
    if (which == 2) sample_rect(&m->as.screen_rect);
    if (which == 3) sample_window(&m->as.window_state);
    if (which == 4) {
        sample_rect(&m->as.overlay_update.rect);
        sample_window(&m->as.overlay_update.window);
        m->as.overlay_update.timestamp_ms = 0x1122334455ull;
    }
    if (which >= 5 && which <= 9) sample_state(m, which);
    if (which == 10) {
        m->as.sync_state.content_id = text("film");
        m->as.sync_state.position_at_ref_ms = 61000;
        m->as.sync_state.ref_wallclock_ms = 1700000000000ull;
        m->as.sync_state.is_playing = true;
        m->as.sync_state.playback_rate = 1.02;
    }
    if (which == 11) m->as.clock_ping.sender_time_ms = 0x0102030405ull;
    if (which == 12) {
        m->as.clock_pong.sender_time_ms = 1;
        m->as.clock_pong.receiver_time_ms = 2;
    }
    if (which >= 13 && which <= 20) sample_video(m, which);
    if (which == 21) m->as.error.code = 404;
}
#endif
