/**
 * The neural mode's demo: a NeuralFrame carries the parameters of a signed distance function, and each player computes the picture.
 * Little-endian:
 *
 *   0 u8 version, 1   1 u8 shapes, at most 16   2 u16 0   4 f32 seconds   8 f32 how softly shapes melt together
 *   then for each shape 20 bytes: f32 x, f32 y (-1 to 1 down the picture's height, y up), f32 radius, f32 hue (0 to 1), f32 box
 *   (0 circle, 1 square, between in between)
 *
 * Drawn with WebGL2, or coarsely without it.
 */
export interface Shape {
  readonly x: number;
  readonly y: number;
  readonly radius: number;
  readonly hue: number;
  readonly box: number;
}

export interface ShapeFrame {
  readonly seconds: number;
  readonly softness: number;
  readonly shapes: readonly Shape[];
}

const headBytes = 12;
const shapeBytes = 20;
export const shapeLimit = 16;

export function writeShapes({ seconds, softness, shapes }: ShapeFrame): Uint8Array<ArrayBuffer> {
  if (shapes.length > shapeLimit) throw new RangeError(`${shapes.length} shapes`);
  const view = new DataView(new ArrayBuffer(headBytes + shapeBytes * shapes.length));
  view.setUint8(0, 1);
  view.setUint8(1, shapes.length);
  view.setFloat32(4, seconds, true);
  view.setFloat32(8, softness, true);
  for (const [i, { x, y, radius, hue, box }] of shapes.entries())
    for (const [k, value] of [x, y, radius, hue, box].entries())
      view.setFloat32(headBytes + shapeBytes * i + 4 * k, value, true);
  return new Uint8Array(view.buffer);
}

/** Undefined for other applications' frames and for wrong ones. */
export function readShapes(bytes: Uint8Array): ShapeFrame | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < headBytes || bytes[0] !== 1 || view.getUint16(2) !== 0) return undefined;
  const count = bytes[1] as number;
  if (count > shapeLimit || bytes.length !== headBytes + shapeBytes * count) return undefined;
  const float = (at: number) => view.getFloat32(at, true);
  const shapes = Array.from({ length: count }, (_, i) => {
    const at = headBytes + shapeBytes * i;
    return { x: float(at), y: float(at + 4), radius: float(at + 8), hue: float(at + 12), box: float(at + 16) };
  });
  const all = [float(4), float(8), ...shapes.flatMap((shape) => Object.values(shape))];
  return all.every(Number.isFinite) ? { seconds: float(4), softness: float(8), shapes } : undefined;
}

const vertexShader = `#version 300 es
void main() { gl_Position = vec4(vec2(gl_VertexID & 1, gl_VertexID >> 1) * 4.0 - 1.0, 0.0, 1.0); }`;

const fragmentShader = `#version 300 es
precision highp float;
uniform vec2 size; uniform float softness; uniform int count; uniform vec4 places[${shapeLimit}]; uniform float boxes[${shapeLimit}];
out vec4 colour;
vec3 hue(float h) { return clamp(abs(mod(h * 6.0 + vec3(0, 4, 2), 6.0) - 3.0) - 1.0, 0.0, 1.0); }
void main() {
  vec2 p = (2.0 * gl_FragCoord.xy - size) / size.y;
  float distance = 1e3; vec3 tint = vec3(0.0);
  for (int i = 0; i < ${shapeLimit}; i++) {
    if (i >= count) break;
    vec2 q = p - places[i].xy; float r = places[i].z;
    vec2 b = abs(q) - r * 0.85;
    float d = mix(length(q) - r, length(max(b, 0.0)) + min(max(b.x, b.y), 0.0), boxes[i]);
    float k = max(softness, 1e-4);
    float h = i == 0 ? 0.0 : clamp(0.5 + 0.5 * (d - distance) / k, 0.0, 1.0);
    vec3 t = mix(vec3(1.0), hue(places[i].w), 0.65);
    distance = i == 0 ? d : mix(d, distance, h) - k * h * (1.0 - h);
    tint = mix(t, tint, h);
  }
  float edge = fwidth(distance) + 1e-4;
  vec3 ground = vec3(0.06, 0.075, 0.07) * (1.0 + 0.5 * cos(distance * 60.0) * exp(-3.0 * max(distance, 0.0)));
  vec3 body = tint * (0.55 + 0.45 * clamp(-distance * 4.0, 0.0, 1.0));
  colour = vec4(mix(body, ground, smoothstep(-edge, edge, distance)), 1.0);
}`;

export class ShapePainter {
  readonly canvas: OffscreenCanvas;
  readonly #gl: WebGL2RenderingContext | null;
  readonly #program: WebGLProgram | null = null;

  constructor(width: number, height: number) {
    this.canvas = new OffscreenCanvas(width, height);
    this.#gl = this.canvas.getContext("webgl2");
    if (this.#gl) this.#program = link(this.#gl);
  }

  /** False without WebGL2: the picture is then a coarse one of plain circles and squares. */
  get isExact(): boolean {
    return this.#program !== null;
  }

  paint(frame: ShapeFrame): void {
    const [gl, program] = [this.#gl, this.#program];
    if (!gl || !program) {
      this.#coarse(frame);
      return;
    }
    const place = (name: string) => gl.getUniformLocation(program, name);
    gl.viewport(0, 0, this.canvas.width, this.canvas.height);
    gl.useProgram(program);
    gl.uniform2f(place("size"), this.canvas.width, this.canvas.height);
    gl.uniform1f(place("softness"), frame.softness);
    gl.uniform1i(place("count"), frame.shapes.length);
    if (frame.shapes.length > 0) {
      gl.uniform4fv(
        place("places"),
        frame.shapes.flatMap(({ x, y, radius, hue }) => [x, y, radius, hue]),
      );
      gl.uniform1fv(
        place("boxes"),
        frame.shapes.map(({ box }) => box),
      );
    }
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  #coarse({ shapes }: ShapeFrame): void {
    const context = this.canvas.getContext("2d");
    if (!context) return;
    const { width, height } = this.canvas;
    context.fillStyle = "#0f1312";
    context.fillRect(0, 0, width, height);
    for (const { x, y, radius, hue, box } of shapes) {
      const [cx, cy, r] = [
        width / 2 + (x * height) / 2,
        height / 2 - (y * height) / 2,
        (Math.abs(radius) * height) / 2,
      ];
      context.fillStyle = `hsl(${hue * 360} 65% 65%)`;
      context.beginPath();
      if (box > 0.5) context.rect(cx - r, cy - r, 2 * r, 2 * r);
      else context.arc(cx, cy, r, 0, 2 * Math.PI);
      context.fill();
    }
  }
}

function link(gl: WebGL2RenderingContext): WebGLProgram | null {
  const program = gl.createProgram();
  for (const [type, source] of [
    [gl.VERTEX_SHADER, vertexShader],
    [gl.FRAGMENT_SHADER, fragmentShader],
  ] as const) {
    const shader = gl.createShader(type);
    if (!shader) return null;
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (gl.getProgramParameter(program, gl.LINK_STATUS)) return program;
  console.warn("shader", gl.getProgramInfoLog(program));
  return null;
}
