/* sources: c/ws/ libs: */
/* The pure parts of the WebSocket server: the accept key of RFC 6455 section 1.3, unmasking at every alignment against the
 * plain loop, UTF-8 at its borders, request heads good and bad, and the memory for messages. */
#include <string.h>

#include "../../c/ws/ws.h"
#include "check.h"

static void accept_key(void) {
    char out[29];
    ws_accept_key("dGhlIHNhbXBsZSBub25jZQ==", out);
    CHECK(strcmp(out, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") == 0);
}

static void unmask(void) {
    uint8_t from[400], to[400], wanted[400];
    const uint8_t mask[4] = {0x12, 0xfe, 0x00, 0x7b};
    for (uint32_t i = 0; i < sizeof from; i++) from[i] = (uint8_t)(i * 37 + 5);
    for (uint32_t start = 0; start < 5; start++)
        for (uint32_t size = 0; size < 300; size++) {
            const uint32_t phase = (start + size) & 3;
            memset(to, 0xaa, sizeof to);
            memset(wanted, 0xaa, sizeof wanted);
            for (uint32_t i = 0; i < size; i++) wanted[start + i] = from[i + 3] ^ mask[(phase + i) & 3];
            ws_unmask(to + start, from + 3, size, mask, phase);
            CHECK(memcmp(to, wanted, sizeof to) == 0);
        }
}

static void utf8(void) {
    static const struct {
        const char *bytes;
        bool valid;
    } cases[] = {
        {"", true},
        {"plain text of more than eight", true},
        {"h\xc3\xa9llo", true},
        {"\xe2\x82\xac\xf0\x9f\x98\x80", true},
        {"\xed\x9f\xbf\xee\x80\x80", true},
        {"\xf4\x8f\xbf\xbf", true},
        {"12345678\xc3", false},
        {"\xc0\xaf", false},         /* overlong */
        {"\xe0\x9f\xbf", false},     /* overlong */
        {"\xf0\x8f\xbf\xbf", false}, /* overlong */
        {"\xed\xa0\x80", false},     /* surrogate */
        {"\xf4\x90\x80\x80", false}, /* beyond Unicode */
        {"\xf5\x80\x80\x80", false},
        {"\x80", false},
        {"\xe2\x82", false},
        {"\xe2\x28\xa1", false},
        {"\xf0\x9f\x98\x28", false},
    };
    for (uint32_t i = 0; i < sizeof cases / sizeof *cases; i++)
        CHECK(ws_valid_utf8((const uint8_t *)cases[i].bytes, strlen(cases[i].bytes)) == cases[i].valid);
}

#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define UP "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
#define V13 "Sec-WebSocket-Version: 13\r\n"

/* -1: not even a head. Every proper prefix of a good head must ask for more. */
static void heads(void) {
    static const struct {
        const char *text;
        int32_t refusal;
        bool upgrade;
    } cases[] = {
        {"GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n", 0, false},
        {"GET / HTTP/1.0\r\n\r\n", 0, false},
        {"GET / HTTP/1.1\r\nHost:x\r\nX-Empty:\r\nA:\tb \t\r\n\r\n", 0, false},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n", 0, false},
        {"GET /s HTTP/1.1\r\nhOST: x\r\n" UP KEY V13 "\r\n", 0, true},
        {"GET /s HTTP/1.1\r\nHost: x\r\n" UP V13 "\r\n", 400, false},
        {"GET /s HTTP/1.1\r\nHost: x\r\n" UP KEY KEY V13 "\r\n", 400, false},
        {"GET /s HTTP/1.1\r\nHost: x\r\n" UP KEY "\r\n", 426, false},
        {"GET /s HTTP/1.1\r\nHost: x\r\n" UP KEY "Sec-WebSocket-Version: 8\r\n\r\n", 426, false},
        {"GET /s HTTP/1.1\r\nHost: x\r\n" UP "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZR==\r\n" V13 "\r\n", 400, false},
        {"GET /s HTTP/1.1\r\nHost: x\r\n" UP "Sec-WebSocket-Key: c2hvcnQ=\r\n" V13 "\r\n", 400, false},
        {"POST /s HTTP/1.1\r\nHost: x\r\n" UP KEY V13 "\r\n", 400, false},
        {"GET /s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n" KEY V13 "\r\n", 400, false},
        {"GET / HTTP/1.1\r\n\r\n", 400, false},
        {"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400, false},
        {"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505, false},
        {"GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400, false},
        {"GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n", 400, false},
        {"GET / HTTP/1.1 \r\nHost: x\r\n\r\n", 400, false},
        {"GET /#a HTTP/1.1\r\nHost: x\r\n\r\n", 400, false},
        {"G(T / HTTP/1.1\r\nHost: x\r\n\r\n", 400, false},
        {"GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400, false},
        {"GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", 400, false},
        {"GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", 400, false},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", 400, false},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5, 5\r\n\r\n", 400, false},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\n", 400, false},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", 413, false},
        {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", 501, false},
        {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 400, false},
        {"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", 417, false},
        {"GET / HTTP/1.1\nHost: x\n\n", -1, false},
        {"GET / HTTP/1.1\r\nHost: x\rY: z\r\n\r\n", -1, false},
        {"GET / HTTP/1.1\r\nHost: x\r\nA: \x01\r\n\r\n", -1, false},
        {"\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", -1, false},
    };
    for (uint32_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const uint32_t size = (uint32_t)strlen(cases[i].text);
        uint8_t *bytes = malloc(size); /* exact, so that reading past the end is seen */
        memcpy(bytes, cases[i].text, size);
        uint32_t searched = 0;
        int32_t end = 0;
        for (uint32_t have = 1; have <= size && end == 0; have++) {
            end = ws_head_end(bytes, have, &searched);
            CHECK(end <= 0 || have == size);
        }
        CHECK((end == -1) == (cases[i].refusal == -1));
        if (end > 0) {
            struct ws_request request;
            ws_head_parse(bytes, size, &request);
            if (request.refusal != cases[i].refusal) fprintf(stderr, "case %u: %u\n", i, request.refusal);
            CHECK(request.refusal == cases[i].refusal && request.upgrade == cases[i].upgrade);
        }
        free(bytes);
    }
    struct ws_request request;
    const char *text = cases[0].text;
    ws_head_parse((const uint8_t *)text, (uint32_t)strlen(text), &request);
    CHECK(request.text_bytes == 18 && memcmp(request.text, "GET /a?b=c\nhost:x\n", 18) == 0);
}

static void many_fields(void) {
    char text[WS_HEAD_BYTES];
    int at = snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: x\r\n");
    for (uint32_t i = 0; i < WS_HEAD_FIELDS; i++) at += snprintf(text + at, sizeof text - (size_t)at, "a%u: b\r\n", i);
    at += snprintf(text + at, sizeof text - (size_t)at, "\r\n");
    struct ws_request request;
    ws_head_parse((const uint8_t *)text, (uint32_t)at, &request);
    CHECK(request.refusal == 431);
}

/* Messages of all sizes keep their contents while others come and go; at the limit there is NULL; all comes back. */
static void pool(void) {
    struct ws_pool *p = calloc(1, sizeof *p);
    CHECK(ws_pool_open(p, 16));
    struct ws_message *held[200] = {0};
    uint32_t random = 1;
    for (uint32_t round = 0; round < 20000; round++) {
        random = random * 1664525u + 1013904223u;
        const uint32_t i = (random >> 8) % 200;
        if (held[i]) {
            CHECK(ws_payload(held[i])[0] == (uint8_t)i && ws_payload(held[i])[held[i]->size - 1] == (uint8_t)i);
            CHECK(ws_message_of(p, (double)(uintptr_t)held[i]) == held[i]);
            ws_message_free(p, held[i]);
            CHECK(ws_message_of(p, (double)(uintptr_t)held[i]) == NULL);
            held[i] = NULL;
            continue;
        }
        const uint32_t size = random % 3 == 0 ? 1 + random % 300000 : 1 + random % 3000;
        struct ws_message *m = ws_message_new(p, size);
        if (!m) continue;
        CHECK(m->capacity >= size);
        m->size = size;
        memset(ws_payload(m), (int)i, size);
        held[i] = m;
    }
    CHECK(p->in_use <= 16);
    for (uint32_t i = 0; i < 200; i++)
        if (held[i]) ws_message_free(p, held[i]);
    CHECK(p->in_use == 0 && p->used_bytes == 0);
    CHECK(ws_message_new(p, 17u << 20) == NULL);
    struct ws_message *m = ws_message_new(p, 100);
    m->size = 100;
    memset(ws_payload(m), 7, 100);
    CHECK(ws_message_grow(p, &m, 3 << 20) && ws_payload(m)[99] == 7 && m->size == 100);
    CHECK(!ws_message_grow(p, &m, 15 << 20) && ws_payload(m)[99] == 7);
    ws_message_free(p, m);
    while (ws_pool_tick(p)) {}
    CHECK(ws_pool_held(p) == 0);
    ws_pool_close(p);
    free(p);
}

int main(void) {
    accept_key();
    unmask();
    utf8();
    heads();
    many_fields();
    pool();
    return 0;
}
