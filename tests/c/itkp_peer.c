/* The C side of the tests of ITKP: what it makes of messages, and a program on a channel. Compiles as C11 and as C++17.
 *   samples           the samples' bytes, a line of hex each
 *   verdicts          for each input (4 bytes of size, little-endian, then that much): what the unchecked and the checked decoder
 *                     say and, when it decodes, the bytes it encodes to again
 *   echo PATH COUNT   connects, answers COUNT messages and goes: ClockPing by ClockPong, others by themselves
 *   listen PATH       listens there, accepting nobody, until its standard input ends */
#include "itkp_samples.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static uint8_t again[PB_ITKP_MESSAGE_LIMIT];

static void say_hex(const uint8_t *bytes, size_t size) {
    for (size_t i = 0; i < size; i++) printf("%02x", bytes[i]);
}

static int samples(void) {
    for (int i = 0; i < ITKP_SAMPLES; i++) {
        struct pb_itkp_message message;
        size_t size = 0;
        itkp_sample(i, &message);
        if (pb_itkp_encode(&message, again, sizeof again, &size, NULL) != PB_ITKP_OK) return 1;
        say_hex(again, size);
        printf("\n");
    }
    return 0;
}

static void say_fault(enum pb_itkp_status status, const struct pb_itkp_fault *f) {
    printf("%s|%llu|%llu|%s|%s", pb_itkp_status_name(status), (unsigned long long)f->expected,
           (unsigned long long)f->got, f->field ? f->field : "", f->reason ? f->reason : "");
}

static void verdict(const uint8_t *bytes, size_t size) {
    struct pb_itkp_message message;
    struct pb_itkp_fault fault;
    size_t made = 0;
    enum pb_itkp_status checked = pb_itkp_decode(bytes, size, &message, &fault);
    say_fault(checked, &fault);
    printf("|");
    enum pb_itkp_status status = pb_itkp_decode_unchecked(bytes, size, &message, &fault);
    say_fault(status, &fault);
    printf("|");
    if (status == PB_ITKP_OK && pb_itkp_encode_unchecked(&message, again, sizeof again, &made, NULL) == PB_ITKP_OK)
        say_hex(again, made);
    printf("\n");
}

static int verdicts(void) {
    uint8_t head[4];
    while (fread(head, 1, 4, stdin) == 4) {
        size_t size = (size_t)pb_itkp_load(head, 4);
        /* Of exactly this size, so that a sanitizer sees one byte too far. */
        uint8_t *bytes = (uint8_t *)malloc(size ? size : 1);
        if (!bytes || fread(bytes, 1, size, stdin) != size) return 1;
        verdict(bytes + (size ? 0 : 1), size);
        free(bytes);
    }
    return 0;
}

static bool get(int s, uint8_t *to, size_t size) {
    for (size_t have = 0; have < size;) {
        ssize_t n = read(s, to + have, size - have);
        if (n <= 0) return false;
        have += (size_t)n;
    }
    return true;
}

static bool answer(int s, uint8_t *bytes, size_t room) {
    size_t size = 0, made = 0;
    struct pb_itkp_message message;
    if (!get(s, bytes, PB_ITKP_HEADER_BYTES)) return false;
    if (pb_itkp_message_bytes(bytes, PB_ITKP_HEADER_BYTES, &size, NULL) != PB_ITKP_OK || size > room) return false;
    if (!get(s, bytes + PB_ITKP_HEADER_BYTES, size - PB_ITKP_HEADER_BYTES)) return false;
    if (pb_itkp_decode(bytes, size, &message, NULL) != PB_ITKP_OK) return false;
    if (message.type == PB_ITKP_TYPE_CLOCK_PING) {
        uint64_t sent = message.as.clock_ping.sender_time_ms;
        message.type = PB_ITKP_TYPE_CLOCK_PONG;
        message.as.clock_pong.sender_time_ms = sent;
        message.as.clock_pong.receiver_time_ms = sent + 1;
    }
    if (pb_itkp_encode(&message, again, sizeof again, &made, NULL) != PB_ITKP_OK) return false;
    return write(s, again, made) == (ssize_t)made;
}

static bool address_of(const char *path, struct sockaddr_un *out) {
    memset(out, 0, sizeof *out);
    out->sun_family = AF_UNIX;
    if (strlen(path) >= sizeof out->sun_path) return false;
    memcpy(out->sun_path, path, strlen(path));
    return true;
}

static int listen_at(const char *path) {
    struct sockaddr_un address;
    int s = socket(AF_UNIX, SOCK_STREAM, 0);
    if (s < 0 || !address_of(path, &address)) return 1;
    if (bind(s, (struct sockaddr *)&address, sizeof address) != 0 || listen(s, 5) != 0) return 1;
    puts("listening");
    fflush(stdout);
    while (getchar() != EOF) continue;
    return unlink(path);
}

static int echo(const char *path, int count) {
    struct sockaddr_un address;
    int s = socket(AF_UNIX, SOCK_STREAM, 0);
    if (s < 0 || !address_of(path, &address)) return 1;
    if (connect(s, (struct sockaddr *)&address, sizeof address) != 0) return 1;
    uint8_t *bytes = (uint8_t *)malloc(PB_ITKP_MESSAGE_LIMIT);
    bool ok = bytes != NULL;
    for (int i = 0; ok && i < count; i++) ok = answer(s, bytes, PB_ITKP_MESSAGE_LIMIT);
    free(bytes);
    close(s);
    return ok ? 0 : 1;
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "samples") == 0) return samples();
    if (argc == 2 && strcmp(argv[1], "verdicts") == 0) return verdicts();
    if (argc == 4 && strcmp(argv[1], "echo") == 0) return echo(argv[2], atoi(argv[3]));
    if (argc == 3 && strcmp(argv[1], "listen") == 0) return listen_at(argv[2]);
    fprintf(stderr, "usage: itkp_peer samples | verdicts | echo PATH COUNT | listen PATH\n");
    return 2;
}
