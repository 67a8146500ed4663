/**
 * The screen or a camera, drawn onto a canvas whenever a new picture comes. Where the browser hands out frames as a stream they come
 * even while this page is hidden; elsewhere a video element does, which stops then.
 */
interface FrameReader {
  readonly readable: ReadableStream<VideoFrame>;
}
declare const MediaStreamTrackProcessor: (new (init: { track: MediaStreamTrack }) => FrameReader) | undefined;

export interface MediaEvents {
  /** Asked of each picture: false leaves it out, and the canvas as it is. */
  isDue(): boolean;
  drawn(): void;
  /** The person, or the device, ended it. */
  ended(): void;
}

export class Media {
  readonly #stream: MediaStream;
  #isStopped = false;

  private constructor(stream: MediaStream, canvas: HTMLCanvasElement, { isDue, drawn, ended }: MediaEvents) {
    this.#stream = stream;
    const [track] = stream.getVideoTracks();
    if (!track) throw new Error("a stream without a picture");
    track.onended = ended;
    const context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
    const draw = (source: CanvasImageSource, width: number, height: number) => {
      if (!context || width === 0 || height === 0 || !isDue()) return;
      // Fitted in, with bars where the shapes differ.
      const scale = Math.min(canvas.width / width, canvas.height / height);
      const [w, h] = [width * scale, height * scale];
      context.fillStyle = "#000";
      if (w < canvas.width || h < canvas.height) context.fillRect(0, 0, canvas.width, canvas.height);
      context.drawImage(source, (canvas.width - w) / 2, (canvas.height - h) / 2, w, h);
      drawn();
    };
    if (typeof MediaStreamTrackProcessor !== "undefined") void this.#read(track, draw);
    else void this.#watch(draw);
  }

  /** Asks the person. Rejects when they, or the browser, say no. `canvas` has the size that is wanted. */
  static async open(
    what: "screen" | "camera",
    canvas: HTMLCanvasElement,
    fps: number,
    events: MediaEvents,
  ): Promise<Media> {
    const wanted = { width: { ideal: canvas.width }, height: { ideal: canvas.height }, frameRate: { ideal: fps } };
    if (!navigator.mediaDevices)
      throw new Error("browsers share screens and cameras only with pages from https or localhost");
    const stream =
      what === "screen"
        ? await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: fps } } })
        : await navigator.mediaDevices.getUserMedia({ video: wanted });
    return new Media(stream, canvas, events);
  }

  async #read(
    track: MediaStreamTrack,
    draw: (source: VideoFrame, width: number, height: number) => void,
  ): Promise<void> {
    if (!MediaStreamTrackProcessor) return;
    const reader = new MediaStreamTrackProcessor({ track }).readable.getReader();
    for (let next = await reader.read(); !next.done && !this.#isStopped; next = await reader.read()) {
      draw(next.value, next.value.displayWidth, next.value.displayHeight);
      next.value.close();
    }
    await reader.cancel();
  }

  async #watch(draw: (source: HTMLVideoElement, width: number, height: number) => void): Promise<void> {
    const video = document.createElement("video");
    video.muted = true;
    video.srcObject = this.#stream;
    await video.play();
    const next = () => {
      if (this.#isStopped) return;
      draw(video, video.videoWidth, video.videoHeight);
      video.requestVideoFrameCallback(next);
    };
    video.requestVideoFrameCallback(next);
  }

  stop(): void {
    this.#isStopped = true;
    for (const track of this.#stream.getTracks()) track.stop();
  }
}
