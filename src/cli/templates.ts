/**
 * The starters of `patchbay new`, embedded as text: which files each project gets, and from where. `@NAME@` in them stands for
 * the project's name. Headers and sources that Patchbay uses itself are not copied here but taken from where they are.
 */
import dllSource from "../templates/native-dll/dll.c" with { type: "text" };
import hookSource from "../templates/native-dll/hook.c" with { type: "text" };
import hookHeader from "../templates/native-dll/hook.h" with { type: "text" };
import lengthSource from "../templates/native-dll/length.c" with { type: "text" };
import lengthHeader from "../templates/native-dll/length.h" with { type: "text" };
import dllMakefile from "../templates/native-dll/project.mk" with { type: "text" };
import dllReadme from "../templates/native-dll/README.md" with { type: "text" };
import dllTest from "../templates/native-dll/test.c" with { type: "text" };

/** File name in the project to text. */
export type Template = Readonly<Record<string, string>>;

export const templates = {
  "native-dll": {
    "README.md": dllReadme,
    Makefile: dllMakefile,
    "dll.c": dllSource,
    "hook.c": hookSource,
    "hook.h": hookHeader,
    "length.c": lengthSource,
    "length.h": lengthHeader,
    "test.c": dllTest,
  },
} as const satisfies Record<string, Template>;
