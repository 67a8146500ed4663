/** The executable's entry: hands argv to the command line and ends with its status. */
import { run } from "./cli/run.ts";

process.exit(await run(process.argv.slice(2), process.env));
