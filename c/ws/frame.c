/* Frames from clients (RFC 6455 section 5): every rule is held before memory is asked for, payload is unmasked while it is
 * copied once into the message that all receivers will share. Runs on the connection's I/O thread without the lock, and
 * takes it only for what concerns others. Memory grows with what has arrived, not with what a length field promises. */
#include "ws.h"

enum { FIRST_BYTES = 4096 };

void ws_inbound_free(struct ws_pool *pool, struct ws_inbound *in) {
    if (in->message) ws_message_free(pool, in->message);
    in->message = NULL;
}

static enum ws_parse refuse(struct ws_conn *c, uint16_t code, const char *reason) {
    c->in.fault = code;
    c->in.why = reason;
    return WS_ENDED;
}

void ws_frames_ended(struct ws_conn *c) {
    if (c->in.fault) {
        if (c->phase == WS_OPEN) ws_conn_refuse(c, c->in.fault, c->in.why);
        else if (c->phase == WS_CLOSING) ws_conn_over(c, c->close_code, true);
        return;
    }
    c->close_received = true;
    if (c->phase == WS_OPEN) ws_conn_close(c, c->in.peer_code, NULL, 0);
    else if (c->phase == WS_CLOSING && c->close_sent) ws_conn_over(c, c->close_code, true);
}

static uint32_t head_bytes(const struct ws_inbound *in) {
    if (in->head_have < 2) return 2;
    const uint32_t length = in->head[1] & 0x7f;
    return 6 + (length == 126 ? 2 : length == 127 ? 8 : 0);
}

static const char *first_two_wrong(const struct ws_inbound *in) {
    const uint8_t opcode = in->head[0] & 0x0f, length = in->head[1] & 0x7f;
    if (in->head[0] & 0x70) return "reserved bits are set";
    if (!(in->head[1] & 0x80)) return "frames of clients are masked";
    if ((opcode > WS_BINARY && opcode < WS_CLOSE) || opcode > WS_PONG) return "unknown opcode";
    if (opcode >= WS_CLOSE && (!(in->head[0] & 0x80) || length > WS_CONTROL_MAX)) return "a control frame is short and whole";
    if (opcode == WS_CONTINUATION && !in->message_opcode) return "nothing to continue";
    if ((opcode == WS_TEXT || opcode == WS_BINARY) && in->message_opcode) return "the message before is not complete";
    return NULL;
}

/* The head is complete: its length and mask. 0, or the close code. */
static uint16_t begin_frame(struct ws_inbound *in) {
    const uint32_t short_length = in->head[1] & 0x7f;
    uint64_t length = short_length;
    if (short_length == 126) {
        length = (uint64_t)in->head[2] << 8 | in->head[3];
        if (length < 126) return 1002;
    } else if (short_length == 127) {
        length = 0;
        for (uint32_t i = 2; i < 10; i++) length = length << 8 | in->head[i];
        if (length >> 63 || length < 65536) return 1002;
    }
    memcpy(in->mask, in->head + in->head_have - 4, 4);
    in->fin = in->head[0] & 0x80;
    in->opcode = in->head[0] & 0x0f;
    in->left = length;
    in->done = 0;
    in->head_have = 0;
    in->in_payload = true;
    if (in->opcode >= WS_CLOSE) return 0;
    const uint64_t before = in->message ? in->message->size : 0;
    if (length > in->max_message || before + length > in->max_message) return 1009;
    if (in->opcode != WS_CONTINUATION) in->message_opcode = in->opcode;
    return 0;
}

/* Room for what the frame announces, at most four times what has arrived. */
static bool make_room(struct ws_conn *c, uint64_t coming) {
    struct ws_inbound *in = &c->in;
    struct ws_pool *pool = &c->server->pool;
    const uint64_t have = in->message ? in->message->size : 0;
    uint64_t wanted = have + in->left;
    const uint64_t bound = (have + coming) * 4 > FIRST_BYTES ? (have + coming) * 4 : FIRST_BYTES;
    if (wanted > bound) wanted = bound;
    if (!in->message) {
        in->message = ws_message_new(pool, (uint32_t)wanted);
        return in->message != NULL;
    }
    if (in->message->capacity >= have + coming) return true;
    /* Many small fragments: doubling keeps the copying proportional to the message. */
    if (wanted < 2 * have && 2 * have <= in->max_message) wanted = 2 * have;
    return ws_message_grow(pool, &in->message, (uint32_t)wanted);
}

static bool valid_close_code(uint32_t code) {
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

static enum ws_parse take_close(struct ws_conn *c, uint32_t size) {
    const uint8_t *data = c->in.control;
    const uint16_t code = size >= 2 ? (uint16_t)(data[0] << 8 | data[1]) : 1005;
    if (size == 1 || (size >= 2 && !valid_close_code(code))) return refuse(c, 1002, "bad close code");
    if (size > 2 && !ws_valid_utf8(data + 2, size - 2)) return refuse(c, 1007, "text is not UTF-8");
    c->in.fault = 0;
    c->in.peer_code = code;
    return WS_ENDED;
}

static enum ws_parse take_control(struct ws_conn *c) {
    const uint32_t size = (uint32_t)c->in.done;
    if (c->in.opcode == WS_CLOSE) return take_close(c, size);
    ws_lock(c->server);
    if (c->in.opcode == WS_PING && c->phase == WS_OPEN) {
        /* Many pings at once are answered as far as the queue takes it: an answer to the newest is all that is owed. */
        ws_push_control(c, WS_PONG, c->in.control, size);
    }
    ws_event_put(c, PB_WS_ALIVE, NULL, 0, 0, c->in.opcode == WS_PONG ? 1 : 0);
    ws_unlock(c->server);
    return WS_MORE;
}

static enum ws_parse end_frame(struct ws_conn *c, struct ws_arrived *arrived) {
    struct ws_inbound *in = &c->in;
    in->in_payload = false;
    if (in->opcode >= WS_CLOSE) return take_control(c);
    if (!in->fin) return WS_MORE;
    struct ws_message *m = in->message;
    if (in->message_opcode == WS_TEXT && !ws_valid_utf8(ws_payload(m), m->size)) return refuse(c, 1007, "text is not UTF-8");
    ws_message_frame(m, in->message_opcode);
    arrived->messages[arrived->count] = m;
    arrived->opcodes[arrived->count++] = in->message_opcode;
    in->message = NULL;
    in->message_opcode = 0;
    return WS_MORE;
}

/* Payload bytes that are there. */
static enum ws_parse take_payload(struct ws_conn *c, const uint8_t *bytes, size_t size, size_t *eaten) {
    struct ws_inbound *in = &c->in;
    const size_t count = size < in->left ? size : (size_t)in->left;
    *eaten += count;
    if (in->opcode >= WS_CLOSE) {
        ws_unmask(in->control + in->done, bytes, count, in->mask, in->done & 3);
    } else {
        if (!make_room(c, count)) return refuse(c, 1013, "no memory for messages");
        ws_unmask(ws_payload(in->message) + in->message->size, bytes, count, in->mask, in->done & 3);
        in->message->size += (uint32_t)count;
    }
    in->done += count;
    in->left -= count;
    return WS_MORE;
}

enum ws_parse ws_frames_parse(struct ws_conn *c, const uint8_t *bytes, size_t size, size_t *eaten, struct ws_arrived *arrived) {
    struct ws_inbound *in = &c->in;
    size_t at = 0;
    enum ws_parse result = WS_MORE;
    while (result == WS_MORE) {
        if (!in->in_payload) {
            while (at < size && in->head_have < head_bytes(in)) {
                in->head[in->head_have++] = bytes[at++];
                const char *wrong = in->head_have == 2 ? first_two_wrong(in) : NULL;
                if (wrong) {
                    *eaten = at;
                    return refuse(c, 1002, wrong);
                }
            }
            if (in->head_have < 2 || in->head_have < head_bytes(in)) break;
            const uint16_t code = begin_frame(in);
            if (code) result = refuse(c, code, code == 1009 ? "message too large" : "bad length");
        } else {
            if (in->left && at == size) break;
            result = take_payload(c, bytes + at, size - at, &at);
            if (result != WS_MORE) break;
            if (in->left) break;
            result = end_frame(c, arrived);
            if (result == WS_MORE && arrived->count == sizeof arrived->opcodes) result = WS_FULL;
        }
    }
    *eaten = at;
    return result;
}
