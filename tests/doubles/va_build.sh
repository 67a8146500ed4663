#!/bin/sh
# Builds the VA stand-in into the folder $1 as standin_drv_video.so, unless what is there is newer than its sources. Several may
# run at once.
set -e
here=$(dirname "$0")
target="$1/standin_drv_video.so"
mkdir -p "$1"
if [ -e "$target" ] && [ -z "$(find "$here" \( -name "va_*" -o -name "hevc.*" \) -newer "$target")" ]; then exit 0; fi
gcc -std=c11 -D_GNU_SOURCE -O1 -g -fPIC -fvisibility=hidden -Wall -Wextra -Werror -shared -Wl,-z,nodelete -o "$target.$$" "$here"/va_*.c "$here"/hevc.c -lopenh264 -lx265 -lde265
mv "$target.$$" "$target"
