/**
 * What is said over the picture: a card while there is none, a banner while the last one stays, and the pill above. There is always
 * a sentence that says why nothing moves.
 */
import { byId, setText } from "../dom.ts";

export type StageState = "connecting" | "waiting" | "live" | "retrying" | "no-decoder" | "ended" | "closed";

interface Words {
  readonly pill: string;
  readonly title: string;
  readonly text: string;
}

const words: Readonly<Record<StageState, Words>> = {
  connecting: { pill: "Connecting", title: "Connecting", text: "Looking for the relay." },
  waiting: {
    pill: "Waiting",
    title: "Waiting for a source",
    text: "The relay is there; nobody publishes on this channel yet.",
  },
  live: { pill: "Live", title: "", text: "" },
  retrying: { pill: "Trying again", title: "The relay does not answer", text: "" },
  "no-decoder": { pill: "No decoder", title: "This browser cannot show it", text: "" },
  ended: { pill: "Ended", title: "The stream has ended", text: "The picture returns when the source starts again." },
  closed: { pill: "Closed", title: "The connection was closed", text: "Load the page again to come back." },
};

export class Stage {
  #state: StageState = "connecting";
  #hasPicture = false;

  get state(): StageState {
    return this.#state;
  }

  set hasPicture(has: boolean) {
    if (this.#hasPicture === has) return;
    this.#hasPicture = has;
    this.say(this.#state);
  }

  say(state: StageState, title = words[state].title, text = words[state].text): void {
    this.#state = state;
    document.body.dataset.state = state;
    document.body.dataset.picture = this.#hasPicture ? "shown" : "none";
    const pill = byId("state");
    setText(pill, words[state].pill);
    pill.dataset.state = state === "live" ? "live" : state === "retrying" || state === "closed" ? "lost" : "wait";
    // A still shown for want of a decoder, or the last picture of a lost source, stays under a line of text.
    byId("card").hidden = state === "live" || this.#hasPicture;
    byId("spinner").hidden = state !== "connecting" && state !== "waiting" && state !== "retrying";
    setText(byId("card-title"), title);
    setText(byId("card-text"), text);
    const banner = byId("banner");
    banner.hidden = state === "live" || !this.#hasPicture;
    setText(banner, text === "" ? title : `${title}. ${text}`);
  }
}
