# make: @NAME@.so, to be loaded by LD_PRELOAD. make test: its test, which needs Xvfb and Mesa.
CC = cc
CFLAGS = -std=c11 -D_GNU_SOURCE -O2 -pthread -Wall -Wextra -Ipatchbay
FRAMES = patchbay/shmem/frames.c patchbay/shmem/open.c patchbay/os/linux.c patchbay/os/linux_wait.c patchbay/os/names.c
HEADERS = $(wildcard *.h patchbay/*.h patchbay/*/*.h)

@NAME@.so: preload.c lookup.c read.c sink.c $(FRAMES) $(HEADERS)
	$(CC) $(CFLAGS) -fPIC -fvisibility=hidden -shared -Wl,-z,nodelete -o $@ preload.c lookup.c read.c sink.c $(FRAMES) -ldl

# The libraries by their file names: the ones that programs run with are enough, headers and links are not needed.
painter: painter.c
	$(CC) $(CFLAGS) -o $@ painter.c -l:libGL.so.1 -l:libEGL.so.1 -l:libX11.so.6 -ldl

check: test.c patchbay/shmem/listen.c $(FRAMES) $(HEADERS)
	$(CC) $(CFLAGS) -o $@ test.c patchbay/shmem/listen.c $(FRAMES)

neighbour.so: neighbour.c
	$(CC) $(CFLAGS) -fPIC -shared -o $@ neighbour.c -ldl

test: @NAME@.so painter neighbour.so check
	./check ./@NAME@.so

clean:
	rm -f @NAME@.so neighbour.so painter check

.PHONY: test clean
