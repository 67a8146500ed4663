/**
 * The canvas that everything ends on, at the picture's own size. Raw pictures are painted once a display frame, however many came
 * in between; decoded ones at once. It knows nothing of formats.
 */
export class Screen {
  readonly canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;
  #waiting: { readonly image: ImageData; readonly painted: (() => void) | undefined } | undefined;

  constructor(canvas: HTMLCanvasElement) {
    this.canvas = canvas;
    const context = canvas.getContext("2d", { alpha: false });
    if (!context) throw new Error("the browser gives no 2D canvas");
    this.#context = context;
  }

  #size(width: number, height: number): void {
    if (this.canvas.width !== width) this.canvas.width = width;
    if (this.canvas.height !== height) this.canvas.height = height;
  }

  /** The image may change until it is painted; `painted` follows within one display frame while the page is seen. */
  paintSoon(image: ImageData, painted: (() => void) | undefined): void {
    const isAsked = this.#waiting !== undefined;
    this.#waiting = { image, painted: painted ?? this.#waiting?.painted };
    if (isAsked) return;
    // A page that is not seen gets no display frames; its next picture would wait until it is.
    if (document.visibilityState === "visible") requestAnimationFrame(() => this.flush());
    else queueMicrotask(() => this.flush());
  }

  /** Paints what waits. */
  flush(): void {
    const waiting = this.#waiting;
    if (!waiting) return;
    this.#waiting = undefined;
    this.#size(waiting.image.width, waiting.image.height);
    this.#context.putImageData(waiting.image, 0, 0);
    waiting.painted?.();
  }

  draw(picture: CanvasImageSource, width: number, height: number): void {
    this.#waiting = undefined;
    this.#size(width, height);
    this.#context.drawImage(picture, 0, 0, width, height);
  }

  /** A context to draw into, the canvas at least this large. */
  drawing(width: number, height: number): CanvasRenderingContext2D {
    this.#waiting = undefined;
    this.#size(width, height);
    return this.#context;
  }

  /** The pixels that are shown. */
  read(): ImageData {
    this.flush();
    return this.#context.getImageData(0, 0, this.canvas.width, this.canvas.height);
  }
}
