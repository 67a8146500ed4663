/* A private X server for a C test, on a number that it chooses itself. */
#ifndef PB_XVFB_H
#define PB_XVFB_H
#include "check.h"

#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct xvfb {
    pid_t pid;
    char display[32];
};

extern char **environ;

/* `option` and `value` are one more option, or NULL. Without an Xvfb the test is skipped (status 77). */
static inline struct xvfb xvfb_start(const char *screen, const char *option, const char *value) {
    struct xvfb server = {0};
    int ends[2];
    CHECK(!pipe(ends));
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 9);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", 1, 0);
    char *arguments[] = {"Xvfb", "-displayfd", "9", "-nolisten", "tcp", "-noreset", "-screen", "0", (char *)screen, (char *)option, (char *)value, NULL};
    if (posix_spawnp(&server.pid, "Xvfb", &actions, NULL, arguments, environ)) {
        printf("Xvfb is not installed\n");
        exit(77);
    }
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    server.display[0] = ':';
    size_t at = 1;
    while (at < sizeof server.display - 1 && read(ends[0], server.display + at, 1) == 1 && server.display[at] != '\n') at++;
    CHECK(server.display[at] == '\n');
    server.display[at] = 0;
    close(ends[0]);
    return server;
}

static inline void xvfb_stop(struct xvfb *server) {
    kill(server->pid, SIGKILL);
    waitpid(server->pid, NULL, 0);
}
#endif
