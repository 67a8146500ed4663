/* Small helpers for clients; xshm.h declares the functions. */
#ifndef XSHM_CLIENT_H
#define XSHM_CLIENT_H
#include "xshm.h"

static inline shm_endpoint_config_t xshm_client_config(const char *name) {
    shm_endpoint_config_t config = {name};
    return config;
}
static inline shm_callbacks_t xshm_client_callbacks_default(void) {
    shm_callbacks_t none = {0, 0, 0, 0, 0, 0, 0, 0};
    return none;
}
static inline shm_auto_options_t xshm_client_auto_options_default(void) { return shm_auto_options_default(); }
static inline shm_multi_client_options_t xshm_multi_client_options_default(void) { return shm_multi_client_options_default(); }
static inline shm_multi_client_callbacks_t xshm_multi_client_callbacks_default(void) {
    return shm_multi_client_callbacks_default();
}

#endif
