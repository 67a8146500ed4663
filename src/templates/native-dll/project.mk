# make: @NAME@.dll by the MinGW cross-compiler. make test: its test, under wine, or on Windows itself.
CC = x86_64-w64-mingw32-gcc
CFLAGS = -std=c11 -O2 -Wall -Wextra -Werror
RUN = $(if $(filter Windows_NT,$(OS)),,WINEDEBUG=-all WINEDLLOVERRIDES="mscoree=;mshtml=;winemenubuilder.exe=" wine)

@NAME@.dll: dll.c hook.c length.c hook.h length.h
	$(CC) $(CFLAGS) -shared -o $@ dll.c hook.c length.c -lkernel32

test.exe: test.c length.c hook.h length.h
	$(CC) $(CFLAGS) -o $@ test.c length.c

test: @NAME@.dll test.exe
	$(RUN) ./test.exe @NAME@.dll

clean:
	rm -f @NAME@.dll test.exe

.PHONY: test clean
