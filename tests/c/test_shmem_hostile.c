/* sources: c/shmem/frames.c c/shmem/open.c c/shmem/listen.c c/os/ */
/* Memory that another process fills with anything: every field of a frame buffer's header with every kind of number, before
 * and during use. The segment ends where forbidden memory begins, so a step outside ends the test, and so does a loop. */
#include "../../c/shmem/frames.h"
#include "check.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WIDTH = 16, HEIGHT = 8, BYTES = WIDTH * HEIGHT * 4, ROUNDS = 20000, WORDS = sizeof(struct pb_shm_frame_buffer) / 4 };

static uint64_t random_state = 0x9e3779b97f4a7c15;

static uint32_t number(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    uint32_t any = (uint32_t)(random_state >> 16);
    static const uint32_t special[] = {0, 1, 2, 3, 4, 8192, 8193, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff, PB_SHM_FRAME_MARK};
    switch (any & 3) {
    case 0: return special[(any >> 2) % (sizeof special / sizeof special[0])];
    case 1: return (any >> 2) % 64;
    default: return (uint32_t)random_state;
    }
}

/* Memory of exactly the size, before a page that must not be touched. */
static uint8_t *guarded(size_t size, void **base, size_t *whole) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE), rounded = (size + page - 1) / page * page;
    *whole = rounded + page;
    *base = mmap(NULL, *whole, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(*base != MAP_FAILED && !mprotect((uint8_t *)*base + rounded, page, PROT_NONE));
    return (uint8_t *)*base + rounded - size;
}

static void good_header(uint8_t *memory) {
    struct pb_shm_frame_buffer *h = (void *)memory;
    for (unsigned i = 0; i < WORDS; i++) atomic_store(&((_Atomic uint32_t *)memory)[i], 0);
    atomic_store(&h->width, WIDTH);
    atomic_store(&h->height, HEIGHT);
    atomic_store(&h->mark, PB_SHM_FRAME_MARK);
    atomic_store(&h->seq, 2);
    atomic_store(&h->owner, pb_os_self());
}

static void use(struct pb_frames *f) {
    static uint8_t into[BYTES];
    struct pb_frames_state state;
    uint32_t last = number();
    CHECK(f->picture_bytes == (size_t)f->width * f->height * 4);
    enum pb_frames_status status = pb_frames_state(f, 3, &state);
    if (status == PB_FRAMES_OK) {
        CHECK(state.index < 3);
        const uint8_t *p = pb_frames_picture(f, &state);
        (void)*(const volatile uint8_t *)(p + f->picture_bytes - 1);
        pb_frames_whole(f, state.seq);
    }
    if (f->picture_bytes <= sizeof into) pb_frames_read(f, last, 5, into, &state);
    pb_frames_wait(f, last, NULL, 0);
    pb_frames_has_writer(f);
    uint8_t *to = pb_frames_begin(f);
    if (to) memset(to, 1, f->picture_bytes);
    pb_frames_end(f, number(), number(), true);
}

static void test_static(void) {
    size_t size = pb_frames_bytes(WIDTH, HEIGHT), whole;
    void *base;
    uint8_t *memory = guarded(size, &base, &whole);
    _Atomic uint32_t *words = (void *)memory;
    unsigned accepted = 0;
    for (int round = 0; round < ROUNDS; round++) {
        good_header(memory);
        int changes = round % 4 + 1;
        for (int i = 0; i < changes; i++) atomic_store(&words[number() % WORDS], number());
        struct pb_frames f = PB_FRAMES_CLOSED;
        if (pb_frames_attach(&f, memory, size)) continue;
        accepted++;
        CHECK(pb_frames_bytes(f.width, f.height) <= size);
        use(&f);
        for (int i = 0; i < changes; i++) atomic_store(&words[number() % WORDS], number());
        use(&f);
    }
    CHECK(accepted > ROUNDS / 10);
    struct pb_frames f = PB_FRAMES_CLOSED;
    for (size_t cut = 0; cut < 200; cut++) {
        good_header(memory);
        CHECK(pb_frames_attach(&f, memory, cut) == PB_FRAMES_BROKEN);
    }
    good_header(memory);
    CHECK(pb_frames_attach(&f, memory, size - 1) == PB_FRAMES_BROKEN && pb_frames_attach(&f, memory, size) == PB_FRAMES_OK);
    munmap(base, whole);
}

static uint8_t *shared;
static atomic_bool done;

static void *scribble(void *unused) {
    (void)unused;
    uint64_t x = 88172645463325252u;
    _Atomic uint32_t *words = (void *)shared;
    while (!atomic_load(&done)) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        atomic_store(&words[(x >> 40) % WORDS], (uint32_t)(x & 7 ? x % 9 : x >> 20));
    }
    return NULL;
}

static void test_concurrent(void) {
    size_t size = pb_frames_bytes(WIDTH, HEIGHT), whole;
    void *base;
    shared = guarded(size, &base, &whole);
    good_header(shared);
    struct pb_frames f = PB_FRAMES_CLOSED;
    CHECK(pb_frames_attach(&f, shared, size) == PB_FRAMES_OK);
    f.self = pb_os_self();
    pthread_t thread;
    CHECK(!pthread_create(&thread, NULL, scribble, NULL));
    for (int round = 0; round < 3000; round++) use(&f);
    atomic_store(&done, true);
    pthread_join(thread, NULL);
    munmap(base, whole);
}

/* Things that have the name of a segment and are none. */
static void test_objects(void) {
    char name[64], path[128], error[256];
    struct pb_frames f;
    snprintf(name, sizeof name, "test_hostile_%d", (int)getpid());
    snprintf(path, sizeof path, "/dev/shm/pb_%u_%s", (unsigned)geteuid(), name);
    static const char *const bad[] = {"", ".", "..", "a/b", "/etc/passwd", "a\\b", "x..y", ".hidden", "line\n", "\x7f"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK(pb_os_check_name(bad[i]) == PB_OS_NAME);
        CHECK(!pb_frames_create(&f, bad[i], 4, 4, error, sizeof error) && !pb_frames_open(&f, bad[i], 0, 0, error, sizeof error));
    }
    char longest[PB_OS_NAME_BYTES + 2];
    memset(longest, 'n', sizeof longest);
    longest[PB_OS_NAME_BYTES + 1] = 0;
    CHECK(pb_os_check_name(longest) == PB_OS_NAME && pb_os_check_name(NULL) == PB_OS_NAME);
    longest[PB_OS_NAME_BYTES] = 0;
    CHECK(pb_os_check_name(longest) == PB_OS_OK);
    CHECK(pb_frames_create(&f, longest, 1, 1, error, sizeof error));
    pb_frames_close(&f);

    CHECK(!symlink("/dev/zero", path));
    CHECK(!pb_frames_open(&f, name, 0, 0, error, sizeof error) && !pb_frames_create(&f, name, 4, 4, error, sizeof error));
    CHECK(!unlink(path) && !mkfifo(path, 0600));
    CHECK(!pb_frames_open(&f, name, 0, 0, error, sizeof error) && !pb_frames_create(&f, name, 4, 4, error, sizeof error));
    CHECK(!unlink(path) && !mkdir(path, 0700));
    CHECK(!pb_frames_open(&f, name, 0, 0, error, sizeof error));
    CHECK(!rmdir(path));
    /* Open to others: refused, because they may write there. */
    struct pb_os_segment s;
    CHECK(!pb_os_create(&s, name, 4096) && !pb_os_publish(&s) && !chmod(path, 0666));
    struct pb_os_segment other;
    CHECK(pb_os_open(&other, name, 1) == PB_OS_DENIED);
    CHECK(!chmod(path, 0600) && !pb_os_open(&other, name, 4096));
    pb_os_close(&other);
    CHECK(pb_os_open(&other, name, 4097) == PB_OS_SIZE && other.handle == -1);
    CHECK(!pb_frames_open(&f, name, 0, 0, error, sizeof error) && strstr(error, "no frame buffer"));
    /* A newer segment of the same name stays. */
    CHECK(!pb_os_remove(name));
    struct pb_os_segment newer;
    CHECK(!pb_os_create(&newer, name, 64) && !pb_os_publish(&newer));
    CHECK(pb_os_unlink(&s) == PB_OS_NOT_FOUND && !access(path, F_OK));
    CHECK(!pb_os_unlink(&newer) && access(path, F_OK));
    pb_os_close(&s);
    pb_os_close(&newer);
    CHECK(pb_os_create(&s, name, 0) == PB_OS_SIZE && pb_os_create(&s, name, (size_t)1 << 60) != PB_OS_OK);
    /* Anonymous ones cannot be cut; what is no sealed memory is refused. */
    CHECK(!pb_os_create_anonymous(&s, 8192) && ftruncate((int)s.handle, 0) != 0);
    CHECK(!pb_os_adopt(&other, dup((int)s.handle), 8192));
    pb_os_close(&other);
    CHECK(pb_os_adopt(&other, dup((int)s.handle), 8193) == PB_OS_SIZE);
    pb_os_close(&s);
    CHECK(pb_os_adopt(&other, memfd_create("x", MFD_ALLOW_SEALING), 0) == PB_OS_DENIED);
    CHECK(pb_os_adopt(&other, open("/dev/null", O_RDWR), 0) == PB_OS_DENIED && pb_os_adopt(&other, -1, 0) != PB_OS_OK);
}

int main(void) {
    alarm(120); /* an endless loop ends here */
    test_static();
    test_concurrent();
    test_objects();
    return 0;
}
