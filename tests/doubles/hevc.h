/* HEVC in software for the stand-ins (coder.h): x265 encodes, libde265 decodes. Tests only: x265 is GPL. */
#ifndef DOUBLE_HEVC_H
#define DOUBLE_HEVC_H
#include "coder.h"

struct hevc_coder;
struct hevc_coder *hevc_coder_open(const struct coder_settings *settings);
bool hevc_coder_set_rate(struct hevc_coder *coder, uint32_t bitrate_bps);
bool hevc_coder_encode(struct hevc_coder *coder, const struct coder_planes *picture, bool keyframe, const uint8_t **data,
                       size_t *size, bool *was_keyframe);
void hevc_coder_close(struct hevc_coder *coder);

struct hevc_picturer;
struct hevc_picturer *hevc_picturer_open(void);
bool hevc_picturer_decode(struct hevc_picturer *picturer, const uint8_t *data, size_t size, struct coder_planes *out);
void hevc_picturer_close(struct hevc_picturer *picturer);
#endif
