/**
 * A bundler plugin that makes sharp work from inside the executable. Its own loader looks into node_modules; this one has
 * libvips and the addon embedded and opens libvips first, so that the addon finds it loaded under its SONAME. A temporary folder
 * that forbids execution makes the first attempts fail; both are then loaded from anonymous memory.
 */
import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { BunPlugin } from "bun";

/** `platform` is sharp's name of the target, such as linux-x64. */
export function embedSharp(platform: string): BunPlugin {
  const require = createRequire(import.meta.url);
  const only = (folder: string, ending: RegExp): string => {
    const name = readdirSync(folder).find((file) => ending.test(file));
    if (!name) throw new Error(`${folder} holds no file like ${ending}`);
    return JSON.stringify(join(folder, name));
  };
  return {
    name: "embed-sharp",
    setup(build) {
      build.onLoad({ filter: /\/sharp\/dist\/sharp\.mjs$/ }, () => {
        const addon = join(dirname(require.resolve(`@img/sharp-${platform}/package`)), "lib");
        const vips = join(dirname(require.resolve(`@img/sharp-libvips-${platform}/package`)), "lib");
        return {
          loader: "js",
          contents: `
            import { dlopen, ptr } from "bun:ffi";
            import { readFileSync } from "node:fs";
            import vips from ${only(vips, /^libvips-cpp\.so/)} with { type: "file" };
            import file from ${only(addon, /\.node$/)} with { type: "file" };
            function inMemory(path) {
              const { memfd_create, write } = dlopen("libc.so.6", {
                memfd_create: { args: ["ptr", "u32"], returns: "i32" },
                write: { args: ["i32", "ptr", "u64"], returns: "i64" },
              }).symbols;
              const fd = memfd_create(new TextEncoder().encode("patchbay-sharp\\0"), 1);
              const bytes = readFileSync(path);
              for (let at = 0; at < bytes.length; ) {
                const wrote = Number(write(fd, ptr(bytes, at), bytes.length - at));
                if (wrote <= 0) throw new Error("the picture library cannot be copied into memory");
                at += wrote;
              }
              return "/proc/self/fd/" + fd;
            }
            function opened(path, open) {
              try {
                return open(path);
              } catch {
                return open(inMemory(path));
              }
            }
            opened(vips, (path) => dlopen(path, { vips_version: { args: ["i32"], returns: "i32" } }));
            export default opened(file, (path) => {
              const module = { exports: {} };
              process.dlopen(module, path);
              return module.exports;
            });
          `,
        };
      });
    },
  };
}
