# make: @NAME@, the daemon. make test: its test.
CC = cc
CFLAGS = -std=c11 -D_GNU_SOURCE -O2 -pthread -Wall -Wextra -Ipatchbay
FRAMES = patchbay/shmem/frames.c patchbay/shmem/open.c patchbay/shmem/listen.c \
	patchbay/os/linux.c patchbay/os/linux_wait.c patchbay/os/names.c
HEADERS = server.h $(wildcard patchbay/*.h patchbay/*/*.h)

@NAME@: daemon.c server.c $(FRAMES) $(HEADERS)
	$(CC) $(CFLAGS) -DDEFAULT_NAME='"@NAME@"' -o $@ daemon.c server.c $(FRAMES)

check: test.c $(FRAMES) $(HEADERS)
	$(CC) $(CFLAGS) -o $@ test.c $(FRAMES)

test: @NAME@ check
	./check ./@NAME@

clean:
	rm -f @NAME@ check

.PHONY: test clean
