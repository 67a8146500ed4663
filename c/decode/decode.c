/* The decoders this build knows, best first. A hardware decoder goes above the software one. */
#include "decode.h"

extern const struct pb_decoder_backend pb_decoder_nvdec, pb_decoder_vaapi, pb_decoder_openh264;

const struct pb_decoder_backend *const pb_decoder_backends[] = {&pb_decoder_nvdec, &pb_decoder_vaapi, &pb_decoder_openh264, NULL};
