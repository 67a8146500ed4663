/* The list of video encoder backends, best first. */
#include "encode.h"

extern const struct pb_encoder_backend pb_encoder_nvenc, pb_encoder_vaapi, pb_encoder_openh264;

const struct pb_encoder_backend *const pb_encoder_backends[] = {&pb_encoder_nvenc, &pb_encoder_vaapi, &pb_encoder_openh264, NULL};
