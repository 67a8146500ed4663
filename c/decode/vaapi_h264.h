/* The pictures that an H.264 decoder keeps (ITU-T H.264, 8.2.4 and 8.2.5), apart from any driver. */
#ifndef PB_DECODE_VAAPI_H264_H
#define PB_DECODE_VAAPI_H264_H
#include "h264_parse.h"

#include <va/va.h>

struct pb_h264_frame {
    VASurfaceID surface;   /* VA_INVALID_SURFACE: a number without a picture, where the stream has gaps */
    uint32_t frame_num, long_index;
    int32_t number, poc;   /* PicNum, or LongTermPicNum */
    bool long_term;
};

struct pb_h264_frames {
    struct pb_h264_frame frame[PB_H264_REFERENCES];
    uint32_t count, previous_num, offset; /* offset: FrameNumOffset, for order counts of type 2 */
    int32_t poc_high, poc_low;
};

/* Numbers the frames as seen from a picture with `frame_num`. */
void pb_h264_number(struct pb_h264_frames *f, const struct pb_h264_sps *sps, uint32_t frame_num);
/* Fills what is missing between the last picture and this one; false where nothing may be missing. */
bool pb_h264_fill_gap(struct pb_h264_frames *f, const struct pb_h264_sps *sps, const struct pb_h264_slice *s);
int32_t pb_h264_order(struct pb_h264_frames *f, const struct pb_h264_sps *sps, const struct pb_h264_slice *s);
/* RefPicList0 as indexes into `frame`. False when it names a picture that is not there. */
bool pb_h264_list(const struct pb_h264_frames *f, const struct pb_h264_sps *sps, const struct pb_h264_slice *s, uint8_t list[32]);
/* What becomes of the references once the picture is decoded. */
void pb_h264_mark(struct pb_h264_frames *f, const struct pb_h264_sps *sps, const struct pb_h264_slice *s, VASurfaceID surface,
                  int32_t poc);
#endif
