/* Where a picture lies in a window: as large as fits, in its own shape, in the middle. And where in the picture a point is. */
#ifndef PB_DISPLAY_LAYOUT_H
#define PB_DISPLAY_LAYOUT_H
#include <stdint.h>

enum { PB_ABSOLUTE_MAX = 65535 };

struct pb_layout {
    uint32_t window_width, window_height, picture_width, picture_height;
    uint32_t x, y, width, height; /* of the picture in the window, pixels */
};

static inline struct pb_layout pb_layout_fit(uint32_t window_width, uint32_t window_height, uint32_t picture_width,
                                             uint32_t picture_height) {
    struct pb_layout l = {window_width, window_height, picture_width, picture_height, 0, 0, window_width, window_height};
    uint64_t by_width = (uint64_t)window_width * picture_height, by_height = (uint64_t)window_height * picture_width;
    if (by_width > by_height) l.width = (uint32_t)((by_height + picture_height / 2) / picture_height);
    else if (picture_width) l.height = (uint32_t)((by_width + picture_width / 2) / picture_width);
    if (!l.width) l.width = 1;
    if (!l.height) l.height = 1;
    l.x = (window_width - l.width) / 2;
    l.y = (window_height - l.height) / 2;
    return l;
}

/* 0 to 65535 from one edge of the picture to the other; what lies beside the picture counts as its edge. */
static inline int32_t pb_layout_across(int32_t position, uint32_t start, uint32_t length) {
    int64_t inside = (int64_t)position - start, last = (int64_t)length - 1;
    if (inside <= 0 || last <= 0) return 0;
    return inside >= last ? PB_ABSOLUTE_MAX : (int32_t)((inside * PB_ABSOLUTE_MAX + last / 2) / last);
}
#endif
