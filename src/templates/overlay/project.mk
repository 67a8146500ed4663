# make: @NAME@, the overlay. make test: its test, which needs Xvfb.
CC = cc
CFLAGS = -std=c11 -D_GNU_SOURCE -O2 -pthread -Wall -Wextra -Ipatchbay
FRAMES = patchbay/shmem/frames.c patchbay/shmem/open.c patchbay/shmem/listen.c \
	patchbay/os/linux.c patchbay/os/linux_wait.c patchbay/os/names.c
HEADERS = draw.h $(wildcard patchbay/*.h patchbay/*/*.h)

@NAME@: overlay.c draw.c $(FRAMES) $(HEADERS)
	$(CC) $(CFLAGS) -o $@ overlay.c draw.c $(FRAMES) -lxcb -lxcb-shm -lxcb-shape

check: test.c draw.c $(FRAMES) $(HEADERS)
	$(CC) $(CFLAGS) -o $@ test.c draw.c $(FRAMES) -lxcb -lxcb-shm -lxcb-shape -lxcb-xtest

test: @NAME@ check
	./check ./@NAME@

clean:
	rm -f @NAME@ check

.PHONY: test clean
