/* A window with moving content and a timecode, painted by a thread of its own; see gen/abi.h for what TypeScript sees. */
#ifndef PB_SCENE_H
#define PB_SCENE_H
#include "../gen/abi.h"

/* 0 while the thread paints; 1 once it ended, because the X server went away. */
bool pb_scene_ended(struct pb_scene *scene);
/* Frames whose deadline had passed before they were drawn. */
uint64_t pb_scene_late(struct pb_scene *scene);
#endif
