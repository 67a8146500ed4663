/* Request heads (RFC 9112), read strictly: what two readers could understand in two ways is refused, so that nothing can be
 * smuggled past a proxy. Refused are bare CR or LF, folded lines, space before a colon, two lengths, any transfer coding,
 * requests of HTTP/1.1 without exactly one Host, and targets that are no path. Pure. */
#include <strings.h>

#include "ws.h"

int32_t ws_head_end(const uint8_t *bytes, uint32_t size, uint32_t *searched) {
    for (uint32_t i = *searched; i < size; i++) {
        const uint8_t byte = bytes[i];
        if (byte == '\n') {
            if (i == 0 || bytes[i - 1] != '\r') return -1;
            if (i == 1) return -1; /* a head starts with its request line */
            if (i >= 3 && bytes[i - 2] == '\n') return (int32_t)(i + 1);
        } else if (i && bytes[i - 1] == '\r') {
            return -1;
        } else if (byte < 0x20 && byte != '\r' && byte != '\t') {
            return -1;
        } else if (byte == 0x7f) {
            return -1;
        }
    }
    *searched = size;
    return 0;
}

static bool token_byte(uint8_t byte) {
    if ((byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z')) return true;
    return byte && strchr("!#$%&'*+-.^_`|~", byte) != NULL;
}

struct span {
    const char *at;
    size_t size;
};

static bool same(struct span text, const char *wanted) {
    return text.size == strlen(wanted) && strncasecmp(text.at, wanted, text.size) == 0;
}

/* Whether a comma-separated list has this member. */
static bool lists(struct span list, const char *wanted) {
    size_t at = 0;
    while (at <= list.size) {
        size_t end = at;
        while (end < list.size && list.at[end] != ',') end++;
        struct span one = {list.at + at, end - at};
        while (one.size && (*one.at == ' ' || *one.at == '\t')) one.at++, one.size--;
        while (one.size && (one.at[one.size - 1] == ' ' || one.at[one.size - 1] == '\t')) one.size--;
        if (same(one, wanted)) return true;
        at = end + 1;
    }
    return false;
}

static bool valid_key(struct span key) {
    if (key.size != 24 || key.at[22] != '=' || key.at[23] != '=') return false;
    for (size_t i = 0; i < 22; i++)
        if (!token_byte((uint8_t)key.at[i]) && key.at[i] != '/') return false;
    for (size_t i = 0; i < 22; i++)
        if (strchr("!#$%&'*-.^_`|~", key.at[i])) return false;
    /* 16 bytes leave four bits of the last character unused, and those are zero. */
    return strchr("AQgw", key.at[21]) != NULL;
}

struct fields {
    uint32_t count, hosts, lengths, keys, versions;
    bool connection_upgrade, connection_close, connection_keep, websocket, coding, key_ok, version_ok;
    struct span key;
};

static uint16_t take_field(struct span name, struct span value, struct fields *seen, struct ws_request *out) {
    if (++seen->count > WS_HEAD_FIELDS) return 431;
    if (same(name, "host")) {
        seen->hosts++;
    } else if (same(name, "connection")) {
        seen->connection_upgrade |= lists(value, "upgrade");
        seen->connection_close |= lists(value, "close");
        seen->connection_keep |= lists(value, "keep-alive");
    } else if (same(name, "upgrade")) {
        seen->websocket |= lists(value, "websocket");
    } else if (same(name, "sec-websocket-key")) {
        seen->keys++;
        seen->key = value;
        seen->key_ok = valid_key(value);
    } else if (same(name, "sec-websocket-version")) {
        seen->versions++;
        seen->version_ok = same(value, "13");
    } else if (same(name, "transfer-encoding")) {
        seen->coding = true;
    } else if (same(name, "expect")) {
        out->expects = true;
    } else if (same(name, "content-length")) {
        if (++seen->lengths > 1 || value.size == 0) return 400;
        uint64_t length = 0;
        for (size_t i = 0; i < value.size; i++) {
            if (value.at[i] < '0' || value.at[i] > '9') return 400;
            length = length * 10 + (uint64_t)(value.at[i] - '0');
            if (length > UINT32_MAX / 2) return 413;
        }
        out->body_bytes = (uint32_t)length;
    }
    return 0;
}

static void add(struct ws_request *out, const char *text, size_t size, bool lower) {
    for (size_t i = 0; i < size; i++) {
        const char byte = text[i];
        out->text[out->text_bytes++] = lower && byte >= 'A' && byte <= 'Z' ? (char)(byte + 32) : byte;
    }
}

static uint16_t read_field(const char *line, size_t size, struct fields *seen, struct ws_request *out) {
    size_t colon = 0;
    while (colon < size && token_byte((uint8_t)line[colon])) colon++;
    if (colon == 0 || colon == size || line[colon] != ':') return 400;
    struct span value = {line + colon + 1, size - colon - 1};
    while (value.size && (*value.at == ' ' || *value.at == '\t')) value.at++, value.size--;
    while (value.size && (value.at[value.size - 1] == ' ' || value.at[value.size - 1] == '\t')) value.size--;
    const uint16_t refusal = take_field((struct span){line, colon}, value, seen, out);
    if (refusal) return refusal;
    add(out, line, colon, true);
    add(out, ":", 1, false);
    add(out, value.at, value.size, false);
    add(out, "\n", 1, false);
    return 0;
}

/* Method, target and version, by single spaces. `*minor`: of HTTP/1. */
static uint16_t read_request_line(const char *line, size_t size, uint32_t *minor, struct ws_request *out) {
    size_t method = 0;
    while (method < size && token_byte((uint8_t)line[method])) method++;
    if (method == 0 || method > 16 || method == size || line[method] != ' ') return 400;
    size_t end = method + 1;
    while (end < size && (uint8_t)line[end] > 0x20 && (uint8_t)line[end] < 0x7f) end++;
    const struct span target = {line + method + 1, end - method - 1};
    if (end == size || line[end] != ' ' || target.size == 0) return 400;
    if (target.at[0] != '/' && !(target.size == 1 && target.at[0] == '*')) return 400;
    if (memchr(target.at, '#', target.size)) return 400;
    const struct span version = {line + end + 1, size - end - 1};
    if (version.size != 8 || memcmp(version.at, "HTTP/", 5) != 0 || version.at[6] != '.') return 400;
    if (version.at[5] < '0' || version.at[5] > '9' || version.at[7] < '0' || version.at[7] > '9') return 400;
    if (version.at[5] != '1') return 505;
    *minor = (uint32_t)(version.at[7] - '0');
    out->is_head = method == 4 && memcmp(line, "HEAD", 4) == 0;
    add(out, line, end, false);
    add(out, "\n", 1, false);
    return 0;
}

static uint16_t judge(const struct fields *seen, uint32_t minor, struct ws_request *out) {
    if (minor >= 1 ? seen->hosts != 1 : seen->hosts > 1) return 400;
    if (seen->coding) return seen->lengths ? 400 : 501;
    if (out->expects) return 417;
    out->keep_alive = !seen->connection_close && (minor >= 1 || seen->connection_keep);
    if (!seen->websocket) return 0;
    const bool get = strncmp(out->text, "GET ", 4) == 0;
    if (!get || minor < 1 || !seen->connection_upgrade || out->body_bytes) return 400;
    if (seen->versions != 1 || !seen->version_ok) return 426;
    if (seen->keys != 1 || !seen->key_ok) return 400;
    ws_accept_key(seen->key.at, out->accept);
    out->upgrade = true;
    return 0;
}

void ws_head_parse(const uint8_t *bytes, uint32_t size, struct ws_request *out) {
    struct fields seen = {0};
    uint32_t minor = 1;
    memset(out, 0, offsetof(struct ws_request, text));
    const char *at = (const char *)bytes, *end = at + size - 2; /* the empty line's CRLF */
    for (bool first = true; at < end; first = false) {
        const char *stop = memchr(at, '\r', (size_t)(end - at));
        const size_t length = (size_t)(stop - at);
        out->refusal = first ? read_request_line(at, length, &minor, out) : read_field(at, length, &seen, out);
        if (out->refusal) return;
        at = stop + 2;
    }
    out->refusal = judge(&seen, minor, out);
}

const char *ws_reason(uint32_t status) {
    switch (status) {
    case 101: return "Switching Protocols";
    case 400: return "Bad Request";
    case 408: return "Request Timeout";
    case 413: return "Content Too Large";
    case 417: return "Expectation Failed";
    case 426: return "Upgrade Required";
    case 431: return "Request Header Fields Too Large";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    default: return "Error";
    }
}
