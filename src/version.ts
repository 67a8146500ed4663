/** The version, from package.json, which is the only place that states it. */
import { version } from "../package.json" with { type: "json" };

export { version };
