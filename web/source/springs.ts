/**
 * The demo behind signals and sound: balls on springs, which players can pull. The scene is what web/lib/scene.ts draws; the speed of
 * the first ball is the pitch of the sound. Pure; coordinates as in the scene.
 */
import type { InputMessage } from "../../src/wire/ds.ts";
import type { JsonObject } from "../../src/wire/merge.ts";

interface Ball {
  readonly name: string;
  readonly anchor: number;
  readonly stiffness: number;
  readonly hue: number;
  x: number;
  y: number;
  vx: number;
  vy: number;
}

const stepSeconds = 1 / 240;
const restLength = 3;

export class Springs {
  readonly #balls: Ball[] = [3, 6.3, 9.6, 13].map((anchor, i) => ({
    name: ["alto", "bass", "cello", "drone"][i] as string,
    anchor,
    stiffness: 9 + 4 * i,
    hue: 160 + 55 * i,
    x: anchor + Math.sin(i + 1),
    y: 5 + i * 0.4,
    vx: 0,
    vy: 0,
  }));
  #hand: { x: number; y: number; holds: Ball | undefined } | undefined;
  #seconds = 0;
  #pushes = 0;

  /** Speed of the ball that sounds, in units a second. */
  get speed(): number {
    const [ball] = this.#balls;
    return ball ? Math.hypot(ball.vx, ball.vy) : 0;
  }

  advance(toSeconds: number): void {
    if (toSeconds - this.#seconds > 1) this.#seconds = toSeconds - 1;
    for (; this.#seconds < toSeconds; this.#seconds += stepSeconds) for (const ball of this.#balls) this.#step(ball);
    // Nobody pulls for a while: one ball after the other gets a push.
    if (toSeconds > (this.#pushes + 1) * 2) {
      const ball = this.#balls[this.#pushes++ % this.#balls.length] as Ball;
      ball.vx += 3 * Math.sin(this.#pushes * 2.4);
      ball.vy += 5;
    }
  }

  #step(ball: Ball): void {
    if (this.#hand?.holds === ball) {
      [ball.vx, ball.vy] = [(this.#hand.x - ball.x) * 12, (this.#hand.y - ball.y) * 12];
    } else {
      const [dx, dy] = [ball.x - ball.anchor, ball.y - 0.4];
      const length = Math.hypot(dx, dy) || 1e-6;
      const pull = (-ball.stiffness * (length - restLength)) / length;
      ball.vx += (pull * dx - 0.35 * ball.vx) * stepSeconds;
      ball.vy += (pull * dy - 0.35 * ball.vy + 6) * stepSeconds;
    }
    ball.x += ball.vx * stepSeconds;
    ball.y = Math.min(8.5, ball.y + ball.vy * stepSeconds);
  }

  input(event: InputMessage): void {
    if (event.name !== "pointer" && event.name !== "pointerDown" && event.name !== "pointerUp") return;
    if (event.fields.mode !== 0) return;
    const [x, y] = [(event.fields.x / 65_535) * 16, (event.fields.y / 65_535) * 9];
    const near = this.#balls.find((ball) => Math.hypot(ball.x - x, ball.y - y) < 0.9);
    if (event.name === "pointerDown") this.#hand = { x, y, holds: near };
    else if (event.name === "pointerUp") this.#hand = undefined;
    else if (this.#hand) this.#hand = { ...this.#hand, x, y };
  }

  /** Two decimals: less would be seen, more would be sent for nothing. */
  state(): JsonObject {
    const round = (value: number) => Math.round(value * 100) / 100;
    const shapes: JsonObject = {
      title: { kind: "text", x: 0.5, y: 8.5, size: 0.45, hue: 160, text: "Springs. Pull one." },
    };
    for (const { name, anchor, hue, x, y } of this.#balls) {
      shapes[`${name}-wire`] = { kind: "spring", x: anchor, y: 0.4, x2: round(x), y2: round(y), hue };
      shapes[name] = { kind: "circle", x: round(x), y: round(y), r: 0.55, hue };
    }
    return { scene: { hue: 165, shapes }, speed: round(this.speed) };
  }
}
