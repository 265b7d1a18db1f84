/**
 * The answer as a field of numbers: values of all cells in a texture, which a shader places,
 * smooths and colours. Another moment is another texture, another palette another table.
 */

import type { CustomLayerInterface, CustomRenderMethodInput, Map as GlMap } from "maplibre-gl";
import type { Palette } from "../api";
import { colourTable, FAINTEST, type Range } from "../colour";
import type { Coefficients, Grid } from "../drawn/coefficients";
import type { DrawnQuestion } from "../drawn/question";
import type { Moment } from "../question";

/** What is to be seen. */
export interface Field {
  readonly question: DrawnQuestion;
  readonly moment: Moment;
  /** Which of the two values has the colours. */
  readonly layer: "probability" | "uncertainty";
  /** Whether what is unsure fades. */
  readonly isFading: boolean;
  readonly range: Range;
  /** Ends of the uncertainty, between which it fades. */
  readonly doubts: Range;
  readonly palette: Palette;
}

/** Quads a side: on the globe they follow the sphere. */
const MESH = 48;
const LAYER_ID = "field";
const NONE = -1;

const VERTEX = `
in vec2 a_share;
uniform vec4 u_box;
uniform float u_world;
out vec2 v_at;
void main() {
  v_at = u_box.xy + a_share * u_box.zw;
  gl_Position = projectTile(v_at + vec2(u_world, 0.0));
}`;

// As psm.server.tiling has it for tiles: bilinear between the cells that there are on a globe, where
// they cover half of the pixel; else the cell that holds the pixel.
const FRAGMENT = `#version 300 es
precision highp float;
precision highp sampler2D;
in vec2 v_at;
uniform sampler2D u_values;
uniform sampler2D u_colours;
uniform vec4 u_grid;
uniform vec2 u_size;
uniform bool u_smooth;
uniform bool u_second;
uniform vec2 u_range;
uniform vec2 u_doubts;
uniform bool u_fading;
uniform float u_opacity;
out vec4 colour;
const float PI = 3.141592653589793;
vec2 cell(vec2 at) {
  return texelFetch(u_values, ivec2(mod(at.x, u_size.x), clamp(at.y, 0.0, u_size.y - 1.0)), 0).rg;
}
float share(float value, vec2 ends) {
  return clamp((value - ends.x) / max(ends.y - ends.x, 1e-12), 0.0, 1.0);
}
void main() {
  float lat = degrees(atan(sinh(PI * (1.0 - 2.0 * v_at.y))));
  float lon = v_at.x * 360.0 - 180.0;
  vec2 at = vec2(mod(lon - u_grid.x, 360.0) / u_grid.z, (u_grid.y - lat) / u_grid.w);
  if (at.x >= u_size.x || at.y < 0.0 || at.y >= u_size.y) discard;
  vec2 found;
  if (u_smooth) {
    vec2 corner = floor(at - 0.5);
    vec2 part = at - 0.5 - corner;
    float total = 0.0;
    found = vec2(0.0);
    for (int i = 0; i < 4; i++) {
      vec2 step = vec2(i & 1, i >> 1);
      vec2 near = mix(1.0 - part, part, step);
      vec2 value = cell(corner + step);
      float weight = value.r < 0.0 ? 0.0 : near.x * near.y;
      total += weight;
      found += weight * value;
    }
    if (total < 0.5) discard;
    found /= total;
  } else {
    found = cell(floor(at));
    if (found.r < 0.0) discard;
  }
  float level = share(u_second ? found.g : found.r, u_range);
  vec3 hue = texelFetch(u_colours, ivec2(1.0 + floor(level * 254.0 + 0.5), 0), 0).rgb;
  float alpha = u_fading ? mix(1.0, ${FAINTEST.toFixed(3)}, share(found.g, u_doubts)) : 1.0;
  alpha *= u_opacity;
  colour = vec4(hue * alpha, alpha);
}`;

interface Program {
  readonly program: WebGLProgram;
  readonly uniform: (name: string) => WebGLUniformLocation | null;
}

export class FieldLayer implements CustomLayerInterface {
  readonly id = LAYER_ID;
  readonly type = "custom";
  readonly renderingMode = "2d";
  private field: Field | null = null;
  private isFresh = false;
  private gl: WebGL2RenderingContext | null = null;
  private programs = new Map<string, Program>();
  private mesh: WebGLVertexArrayObject | null = null;
  private indices = 0;
  private values: WebGLTexture | null = null;
  private colours: WebGLTexture | null = null;
  private texels = new Float32Array(0);
  private painted: Palette | null = null;
  /** What the texture holds. */
  private held: { question: DrawnQuestion; moment: Moment; hasDoubts: boolean } | null = null;

  constructor(
    private readonly map: GlMap,
    private readonly options: { opacity: () => number; onShown: (field: Field) => void },
  ) {}

  /** Shows a field in the next frame. */
  show(field: Field): void {
    this.field = field;
    this.isFresh = true;
    if (!this.map.getLayer(LAYER_ID)) this.map.addLayer(this);
    this.map.triggerRepaint();
  }

  clear(): void {
    this.field = null;
    if (this.map.getLayer(LAYER_ID)) this.map.removeLayer(LAYER_ID);
  }

  get isShown(): boolean {
    return this.field !== null;
  }

  /** Whether what was asked for last is on the screen. */
  get isSettled(): boolean {
    return !this.isFresh || !this.field;
  }

  onAdd(_: GlMap, gl: WebGLRenderingContext | WebGL2RenderingContext): void {
    if (!(gl instanceof WebGL2RenderingContext)) throw new Error("no WebGL 2");
    this.gl = gl;
    this.mesh = gl.createVertexArray();
    gl.bindVertexArray(this.mesh);
    const { shares, triangles } = grid();
    this.indices = triangles.length;
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, shares, gl.STATIC_DRAW);
    gl.enableVertexAttribArray(0);
    gl.vertexAttribPointer(0, 2, gl.FLOAT, false, 0, 0);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, triangles, gl.STATIC_DRAW);
    gl.bindVertexArray(null);
    this.values = texture(gl);
    this.colours = texture(gl);
  }

  onRemove(): void {
    const { gl } = this;
    this.programs.forEach(({ program }) => gl?.deleteProgram(program));
    gl?.deleteTexture(this.values);
    gl?.deleteTexture(this.colours);
    gl?.deleteVertexArray(this.mesh);
    this.programs.clear();
    this.held = this.painted = this.gl = null;
  }

  render(_: WebGLRenderingContext | WebGL2RenderingContext, input: CustomRenderMethodInput): void {
    const { gl, field } = this;
    if (!gl || !field) return;
    const { coefficients } = field.question;
    const { program, uniform } = this.program(gl, input);
    this.load(gl, field);
    gl.useProgram(program);
    const { mainMatrix, fallbackMatrix, tileMercatorCoords, clippingPlane, projectionTransition } = input.defaultProjectionData;
    gl.uniformMatrix4fv(uniform("u_projection_matrix"), false, mainMatrix);
    gl.uniformMatrix4fv(uniform("u_projection_fallback_matrix"), false, fallbackMatrix);
    gl.uniform4f(uniform("u_projection_tile_mercator_coords"), ...tileMercatorCoords);
    gl.uniform4f(uniform("u_projection_clipping_plane"), ...clippingPlane);
    gl.uniform1f(uniform("u_projection_transition"), projectionTransition);
    const { west, north, step_lon, step_lat, columns, rows } = coefficients.grid;
    gl.uniform4f(uniform("u_box"), ...box(coefficients.grid));
    gl.uniform4f(uniform("u_grid"), west, north, step_lon, step_lat);
    gl.uniform2f(uniform("u_size"), columns, rows);
    gl.uniform1i(uniform("u_smooth"), Number(isGlobe(coefficients.grid)));
    gl.uniform1i(uniform("u_second"), Number(field.layer === "uncertainty"));
    gl.uniform2f(uniform("u_range"), ...field.range);
    gl.uniform2f(uniform("u_doubts"), ...field.doubts);
    gl.uniform1i(uniform("u_fading"), Number(field.isFading));
    gl.uniform1f(uniform("u_opacity"), this.options.opacity());
    gl.uniform1i(uniform("u_values"), 0);
    gl.uniform1i(uniform("u_colours"), 1);
    gl.activeTexture(gl.TEXTURE1);
    gl.bindTexture(gl.TEXTURE_2D, this.colours);
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, this.values);
    gl.bindVertexArray(this.mesh);
    for (const world of this.worlds()) {
      gl.uniform1f(uniform("u_world"), world);
      gl.drawElements(gl.TRIANGLES, this.indices, gl.UNSIGNED_SHORT, 0);
    }
    gl.bindVertexArray(null);
    if (this.isFresh) {
      this.isFresh = false;
      this.options.onShown(field);
    }
  }

  /** Copies of the world in view; on the globe there is one. */
  private worlds(): number[] {
    if (this.map.getProjection()?.type === "globe") return [0];
    const bounds = this.map.getBounds();
    const first = Math.floor((bounds.getWest() + 180) / 360);
    const last = Math.floor((bounds.getEast() + 180) / 360);
    // A grid may reach beyond the antimeridian, into the next copy.
    return Array.from({ length: last - first + 2 }, (_, i) => first - 1 + i);
  }

  /** Computes and uploads what the textures lack. */
  private load(gl: WebGL2RenderingContext, { question, moment, layer, isFading, palette }: Field): void {
    const needsDoubts = isFading || layer === "uncertainty";
    const { held } = this;
    if (held?.question !== question || held.moment !== moment || (needsDoubts && !held.hasDoubts)) {
      const { probability, uncertainty } = question.at(moment, needsDoubts);
      const { grid, pixels } = question.coefficients;
      if (this.texels.length !== 2 * grid.rows * grid.columns || held?.question.coefficients !== question.coefficients) {
        this.texels = new Float32Array(2 * grid.rows * grid.columns).fill(NONE);
      }
      for (let cell = 0; cell < pixels.length; cell++) {
        this.texels[2 * pixels[cell]!] = probability[cell]!;
        this.texels[2 * pixels[cell]! + 1] = uncertainty ? uncertainty[cell]! : 0;
      }
      upload(gl, this.values, () =>
        gl.texImage2D(gl.TEXTURE_2D, 0, gl.RG32F, grid.columns, grid.rows, 0, gl.RG, gl.FLOAT, this.texels),
      );
      this.held = { question, moment, hasDoubts: uncertainty !== null };
    }
    if (this.painted !== palette) {
      const table = colourTable(palette.hex);
      upload(gl, this.colours, () =>
        gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGB8, table.length / 3, 1, 0, gl.RGB, gl.UNSIGNED_BYTE, table),
      );
      this.painted = palette;
    }
  }

  /** A program for the projection of the moment, flat or a globe. */
  private program(gl: WebGL2RenderingContext, { shaderData }: CustomRenderMethodInput): Program {
    const known = this.programs.get(shaderData.variantName);
    if (known) return known;
    const vertex = `#version 300 es\n${shaderData.vertexShaderPrelude}\n${shaderData.define}\n${VERTEX}`;
    const program = gl.createProgram();
    for (const [kind, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, FRAGMENT]] as const) {
      const shader = gl.createShader(kind)!;
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.bindAttribLocation(program, 0, "a_share");
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
      throw new Error(gl.getProgramInfoLog(program) ?? "the field cannot be drawn");
    }
    const places = new Map<string, WebGLUniformLocation | null>();
    const uniform = (name: string) => {
      if (!places.has(name)) places.set(name, gl.getUniformLocation(program, name));
      return places.get(name)!;
    };
    const made = { program, uniform };
    this.programs.set(shaderData.variantName, made);
    return made;
  }
}

/** Whether a page can draw a store itself; a finer grid would tremble, a larger one not fit. */
export function canDraw({ grid }: Coefficients): boolean {
  return grid.step_lon >= 0.001 && Math.max(grid.rows, grid.columns) <= 4096;
}

const isGlobe = ({ columns, step_lon }: Grid) => Math.abs(columns * step_lon - 360) < 1e-6;

/** Where a grid lies in the Mercator square: left, top, width and height. */
function box({ west, north, step_lon, step_lat, columns, rows }: Grid): [number, number, number, number] {
  const across = (lon: number) => (lon + 180) / 360;
  const down = (lat: number) => {
    const turn = (Math.max(-85.06, Math.min(85.06, lat)) * Math.PI) / 180;
    return Math.max(0, Math.min(1, (1 - Math.asinh(Math.tan(turn)) / Math.PI) / 2));
  };
  const [top, bottom] = [down(north), down(north - rows * step_lat)];
  return [across(west), top, (columns * step_lon) / 360, bottom - top];
}

function grid(): { shares: Float32Array; triangles: Uint16Array } {
  const side = MESH + 1;
  const shares = Float32Array.from({ length: 2 * side * side }, (_, i) => {
    const vertex = i >> 1;
    return (i & 1 ? Math.floor(vertex / side) : vertex % side) / MESH;
  });
  const triangles = new Uint16Array(6 * MESH * MESH);
  for (let quad = 0; quad < MESH * MESH; quad++) {
    const corner = Math.floor(quad / MESH) * side + (quad % MESH);
    triangles.set([corner, corner + side, corner + 1, corner + 1, corner + side, corner + side + 1], 6 * quad);
  }
  return { shares, triangles };
}

function texture(gl: WebGL2RenderingContext): WebGLTexture {
  const made = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, made);
  for (const name of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, name, gl.NEAREST);
  for (const name of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, name, gl.CLAMP_TO_EDGE);
  gl.bindTexture(gl.TEXTURE_2D, null);
  return made;
}

/** Fills a texture with plain rows of numbers, whatever the map has set before. */
function upload(gl: WebGL2RenderingContext, into: WebGLTexture | null, fill: () => void): void {
  gl.activeTexture(gl.TEXTURE0);
  gl.bindTexture(gl.TEXTURE_2D, into);
  gl.pixelStorei(gl.UNPACK_FLIP_Y_WEBGL, false);
  gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, false);
  gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
  fill();
}
