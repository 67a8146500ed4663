/**
 * A bundler plugin that makes sharp work from inside the executable. Its own loader looks into node_modules; this one has
 * libvips and the addon embedded and opens libvips first, so that the addon finds it loaded under its SONAME.
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
            import { dlopen } from "bun:ffi";
            import vips from ${only(vips, /^libvips-cpp\.so/)} with { type: "file" };
            dlopen(vips, { vips_version: { args: ["i32"], returns: "i32" } });
            export default require(${only(addon, /\.node$/)});
          `,
        };
      });
    },
  };
}
