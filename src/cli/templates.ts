/**
 * The starters of `patchbay new`, embedded as text: which files each project gets, and from where. `@NAME@` in them stands for
 * the project's name. What Patchbay runs on itself is not copied here but taken from where it is.
 */

import layoutsHeader from "../../c/gen/layouts.h" with { type: "text" };
import itkpHeader from "../../c/include/patchbay_itkp.h" with { type: "text" };
import osLinux from "../../c/os/linux.c" with { type: "text" };
import osLinuxWait from "../../c/os/linux_wait.c" with { type: "text" };
import osNames from "../../c/os/names.c" with { type: "text" };
import osHeader from "../../c/os/os.h" with { type: "text" };
import shimHeader from "../../c/shim.h" with { type: "text" };
import framesSource from "../../c/shmem/frames.c" with { type: "text" };
import framesHeader from "../../c/shmem/frames.h" with { type: "text" };
import framesListen from "../../c/shmem/listen.c" with { type: "text" };
import framesOpen from "../../c/shmem/open.c" with { type: "text" };
import daemonSource from "../templates/daemon/daemon.c" with { type: "text" };
import daemonMakefile from "../templates/daemon/project.mk" with { type: "text" };
import daemonReadme from "../templates/daemon/README.md" with { type: "text" };
import serverSource from "../templates/daemon/server.c" with { type: "text" };
import serverHeader from "../templates/daemon/server.h" with { type: "text" };
import daemonTest from "../templates/daemon/test.c" with { type: "text" };
import preloadGlHeader from "../templates/ld-preload/gl.h" with { type: "text" };
import preloadLookupSource from "../templates/ld-preload/lookup.c" with { type: "text" };
import preloadLookupHeader from "../templates/ld-preload/lookup.h" with { type: "text" };
import preloadNeighbourSource from "../templates/ld-preload/neighbour.c" with { type: "text" };
import preloadPainterSource from "../templates/ld-preload/painter.c" with { type: "text" };
import preloadPreloadSource from "../templates/ld-preload/preload.c" with { type: "text" };
import preloadMakefile from "../templates/ld-preload/project.mk" with { type: "text" };
import preloadReadme from "../templates/ld-preload/README.md" with { type: "text" };
import preloadReadSource from "../templates/ld-preload/read.c" with { type: "text" };
import preloadReadHeader from "../templates/ld-preload/read.h" with { type: "text" };
import preloadSinkSource from "../templates/ld-preload/sink.c" with { type: "text" };
import preloadSinkHeader from "../templates/ld-preload/sink.h" with { type: "text" };
import preloadTestSource from "../templates/ld-preload/test.c" with { type: "text" };
import dllDllSource from "../templates/native-dll/dll.c" with { type: "text" };
import dllHookSource from "../templates/native-dll/hook.c" with { type: "text" };
import dllHookHeader from "../templates/native-dll/hook.h" with { type: "text" };
import dllLengthSource from "../templates/native-dll/length.c" with { type: "text" };
import dllLengthHeader from "../templates/native-dll/length.h" with { type: "text" };
import dllMakefile from "../templates/native-dll/project.mk" with { type: "text" };
import dllReadme from "../templates/native-dll/README.md" with { type: "text" };
import dllTestSource from "../templates/native-dll/test.c" with { type: "text" };
import overlayDrawSource from "../templates/overlay/draw.c" with { type: "text" };
import overlayDrawHeader from "../templates/overlay/draw.h" with { type: "text" };
import overlayOverlaySource from "../templates/overlay/overlay.c" with { type: "text" };
import overlayMakefile from "../templates/overlay/project.mk" with { type: "text" };
import overlayReadme from "../templates/overlay/README.md" with { type: "text" };
import overlayTestSource from "../templates/overlay/test.c" with { type: "text" };

/** File name in the project to text. */
export type Template = Readonly<Record<string, string>>;

/** Both ends of frame buffers in shared memory, as Patchbay's own native part has them. */
const frameBuffer = {
  "patchbay/shim.h": shimHeader,
  "patchbay/gen/layouts.h": layoutsHeader,
  "patchbay/os/os.h": osHeader,
  "patchbay/os/linux.c": osLinux,
  "patchbay/os/linux_wait.c": osLinuxWait,
  "patchbay/os/names.c": osNames,
  "patchbay/shmem/frames.h": framesHeader,
  "patchbay/shmem/frames.c": framesSource,
  "patchbay/shmem/open.c": framesOpen,
  "patchbay/shmem/listen.c": framesListen,
} as const satisfies Template;

export const templates = {
  daemon: {
    "README.md": daemonReadme,
    Makefile: daemonMakefile,
    "daemon.c": daemonSource,
    "server.c": serverSource,
    "server.h": serverHeader,
    "test.c": daemonTest,
    "patchbay/include/patchbay_itkp.h": itkpHeader,
    ...frameBuffer,
  },
  "ld-preload": {
    "README.md": preloadReadme,
    Makefile: preloadMakefile,
    "preload.c": preloadPreloadSource,
    "lookup.c": preloadLookupSource,
    "lookup.h": preloadLookupHeader,
    "read.c": preloadReadSource,
    "read.h": preloadReadHeader,
    "gl.h": preloadGlHeader,
    "sink.c": preloadSinkSource,
    "sink.h": preloadSinkHeader,
    "neighbour.c": preloadNeighbourSource,
    "painter.c": preloadPainterSource,
    "test.c": preloadTestSource,
    ...frameBuffer,
  },
  "native-dll": {
    "README.md": dllReadme,
    Makefile: dllMakefile,
    "dll.c": dllDllSource,
    "hook.c": dllHookSource,
    "hook.h": dllHookHeader,
    "length.c": dllLengthSource,
    "length.h": dllLengthHeader,
    "test.c": dllTestSource,
  },
  overlay: {
    "README.md": overlayReadme,
    Makefile: overlayMakefile,
    "overlay.c": overlayOverlaySource,
    "draw.c": overlayDrawSource,
    "draw.h": overlayDrawHeader,
    "test.c": overlayTestSource,
    ...frameBuffer,
  },
} as const satisfies Record<string, Template>;
