/**
 * What failed under a running host, and what goes on in its place: the grabber's notices, as sentences for the log and as a list
 * for the page and the report. It decides nothing. A grabber tries no backend twice, so the list is short.
 */
import type { EncodedFrame } from "../../ffi/interfaces.ts";
import type { SourceFailure } from "./stats.ts";

export class SourceFailures {
  readonly list: SourceFailure[] = [];

  /** `text` is "from<TAB>to<TAB>why". Returns the sentence for the log. */
  add(what: SourceFailure["what"], text: string): string {
    const [from = "", to = "", why = ""] = text.split("\t");
    this.list.push({ what, from, to, why });
    return `${what} ${from} failed (${why}); going on with ${to}`;
  }
}

/** The last words of a grabber that cannot go on. */
export const endOf = (notice: EncodedFrame, text: string): string =>
  notice.size > 0 ? text : "What is captured went away: the display or device was closed.";
