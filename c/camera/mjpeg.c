/* JPEG frames of a camera to BGRA, by libjpeg-turbo. Cameras leave out the Huffman tables, and libjpeg then takes the usual
 * ones. A frame is accepted when every pixel could be decoded, the end mark may be missing; one that is cut short, damaged, of
 * another size than its device said, or made in several passes is refused as a whole: half a picture is never shown.
 * libjpeg ends a call by longjmp(); nothing that outlives the call changes between setjmp() and there. */
#include "raw.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

struct mjpeg {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr source;
    jmp_buf out;
    char why[JMSG_LENGTH_MAX];
};

static struct mjpeg *owner(j_common_ptr info) { return info->client_data; }

static void give_up(j_common_ptr info) {
    struct mjpeg *m = owner(info);
    info->err->format_message(info, m->why);
    longjmp(m->out, 1);
}

/* Warnings that mean lost pixels end the decoding; what stands between two segments does no harm. */
static void judge_warning(j_common_ptr info, int level) {
    if (level >= 0) return;
    int code = info->err->msg_code;
    if (code == JWRN_EXTRANEOUS_DATA || code == JWRN_ADOBE_XFORM || code == JWRN_JFIF_MAJOR) return;
    give_up(info);
}

static void say_nothing(j_common_ptr info) { (void)info; }
static void begin(j_decompress_ptr jpeg) { (void)jpeg; }

/* All there is was given at once. What comes behind it is an end mark; needing more pixels is then a warning of its own. */
static boolean fill(j_decompress_ptr jpeg) {
    static const JOCTET end[2] = {0xff, JPEG_EOI};
    jpeg->src->next_input_byte = end;
    jpeg->src->bytes_in_buffer = 2;
    return TRUE;
}

static void skip(j_decompress_ptr jpeg, long bytes) {
    if (bytes <= 0) return;
    if ((unsigned long)bytes >= jpeg->src->bytes_in_buffer) {
        fill(jpeg);
        return;
    }
    jpeg->src->next_input_byte += bytes;
    jpeg->src->bytes_in_buffer -= (size_t)bytes;
}

static bool create(struct mjpeg *m) {
    m->jpeg.err = jpeg_std_error(&m->errors);
    m->errors.error_exit = give_up;
    m->errors.emit_message = judge_warning;
    m->errors.output_message = say_nothing;
    m->jpeg.client_data = m;
    if (setjmp(m->out)) return false;
    jpeg_create_decompress(&m->jpeg);
    m->source = (struct jpeg_source_mgr){.init_source = begin,
                                         .fill_input_buffer = fill,
                                         .skip_input_data = skip,
                                         .resync_to_restart = jpeg_resync_to_restart,
                                         .term_source = begin};
    m->jpeg.src = &m->source;
    return true;
}

struct mjpeg *mjpeg_open(void) {
    struct mjpeg *m = calloc(1, sizeof *m);
    if (!m || create(m)) return m;
    jpeg_destroy_decompress(&m->jpeg);
    free(m);
    return NULL;
}

void mjpeg_close(struct mjpeg *m) {
    if (!m) return;
    jpeg_destroy_decompress(&m->jpeg);
    free(m);
}

static bool refuse(struct mjpeg *m, const char *why) {
    pb_error(m->why, sizeof m->why, "%s", why);
    return false;
}

static bool decode(struct mjpeg *m, const struct camera_format *f, uint8_t *bgra, uint32_t stride) {
    struct jpeg_decompress_struct *j = &m->jpeg;
    jpeg_read_header(j, TRUE);
    if (j->image_width != f->width || j->image_height != f->height) return refuse(m, "its size is not that of the camera's format");
    if (j->num_components != 1 && j->num_components != 3) return refuse(m, "it has neither one nor three colours");
    /* Their number has no bound, and each costs a turn over all pixels. */
    if (jpeg_has_multiple_scans(j)) return refuse(m, "it is made in several passes");
    j->out_color_space = JCS_EXT_BGRA;
    j->dct_method = JDCT_ISLOW;
    j->do_fancy_upsampling = FALSE;
    jpeg_start_decompress(j);
    while (j->output_scanline < f->height) {
        JSAMPROW row = bgra + (size_t)j->output_scanline * stride;
        jpeg_read_scanlines(j, &row, 1);
    }
    jpeg_finish_decompress(j);
    return true;
}

bool mjpeg_to_bgra(struct mjpeg *m, const struct camera_frame *frame, uint8_t *bgra, uint32_t stride, char *error,
                   size_t error_size) {
    m->source.next_input_byte = frame->data;
    m->source.bytes_in_buffer = frame->size;
    m->errors.num_warnings = 0;
    strcpy(m->why, "it ends too early");
    if (!setjmp(m->out) && decode(m, &frame->format, bgra, stride)) return true;
    jpeg_abort_decompress(&m->jpeg);
    pb_error(error, error_size, "a JPEG frame of %u bytes cannot be decoded: %s", frame->size, m->why);
    return false;
}
