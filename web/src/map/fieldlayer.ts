/**
 * The answer as a field of numbers: the cells of a grid are the pixels of a texture, which the
 * graphics card places and smooths. Another moment, layer or palette is another texture, at once.
 */

import type { CustomLayerInterface, CustomRenderMethodInput, Map as GlMap } from "maplibre-gl";
import type { Palette } from "../api";
import { certaintyAlpha, colourTable, type Range, share } from "../colour";
import type { Coefficients, Grid } from "../drawn/coefficients";
import type { DrawnQuestion } from "../drawn/question";
import { differences } from "../drawn/truth";
import type { Moment } from "../question";
import { below } from "./labels";

/** What is to be seen. */
export interface Field {
  readonly question: DrawnQuestion;
  readonly moment: Moment;
  /** Which of the two values has the colours. */
  readonly layer: "probability" | "uncertainty";
  /** Whether what is unsure fades. */
  readonly isFading: boolean;
  /** What is true in every cell, shown instead of the map or taken from it; null for the map alone. */
  readonly truth: { readonly values: Float32Array; readonly isDifference: boolean } | null;
  readonly range: Range;
  readonly palette: Palette;
}

/** Quads across and down: on the globe they follow the sphere, on the flat map the latitudes. */
const ACROSS = 48;
const DOWN = 96;
const LAYER_ID = "field";

const VERTEX = `
in vec2 a_share;
uniform vec4 u_box;
uniform float u_world;
uniform vec2 u_lat;
out vec2 v_at;
void main() {
  vec2 at = u_box.xy + a_share * u_box.zw;
  float lat = degrees(atan(sinh(PI * (1.0 - 2.0 * at.y))));
  v_at = vec2(a_share.x, (u_lat.x - lat) / u_lat.y);
  gl_Position = projectTile(at + vec2(u_world, 0.0));
}`;

// The colours between the centres of cells are blended from those cells that there are, where they
// cover half of the pixel, as tiles have it. Every pixel counts: some graphics cards are made of software.
const FRAGMENT = `#version 300 es
precision mediump float;
in highp vec2 v_at;
uniform sampler2D u_colours;
uniform sampler2D u_certainty;
uniform bool u_fading;
uniform float u_opacity;
out vec4 colour;
void main() {
  vec4 found = texture(u_colours, v_at);
  float alpha = found.a < 0.5 ? 0.0 : u_opacity;
  if (u_fading) alpha *= texture(u_certainty, v_at).r / found.a;
  colour = vec4(found.rgb / max(found.a, 0.01), 1.0) * alpha;
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
  private colours: WebGLTexture | null = null;
  private certainty: WebGLTexture | null = null;
  private kept = new Uint8Array(0);
  /** What the textures hold. */
  private loaded: Field | null = null;

  constructor(
    private readonly map: GlMap,
    private readonly options: { opacity: () => number; onAsked: () => void; onShown: (field: Field) => void },
  ) {}

  /** Shows a field in the next frame. */
  show(field: Field): void {
    this.field = field;
    this.isFresh = true;
    this.options.onAsked();
    if (!this.map.getLayer(LAYER_ID)) this.map.addLayer(this, below(this.map));
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
    this.colours = gl.createTexture();
    this.certainty = gl.createTexture();
  }

  onRemove(): void {
    const { gl } = this;
    this.programs.forEach(({ program }) => gl?.deleteProgram(program));
    gl?.deleteTexture(this.colours);
    gl?.deleteTexture(this.certainty);
    gl?.deleteVertexArray(this.mesh);
    this.programs.clear();
    this.loaded = this.gl = null;
  }

  render(_: WebGLRenderingContext | WebGL2RenderingContext, input: CustomRenderMethodInput): void {
    const { gl, field } = this;
    if (!gl || !field) return;
    const { grid } = field.question.coefficients;
    const { program, uniform } = this.program(gl, input);
    this.load(gl, field);
    gl.useProgram(program);
    const { mainMatrix, fallbackMatrix, tileMercatorCoords, clippingPlane, projectionTransition } = input.defaultProjectionData;
    gl.uniformMatrix4fv(uniform("u_projection_matrix"), false, mainMatrix);
    gl.uniformMatrix4fv(uniform("u_projection_fallback_matrix"), false, fallbackMatrix);
    gl.uniform4f(uniform("u_projection_tile_mercator_coords"), ...tileMercatorCoords);
    gl.uniform4f(uniform("u_projection_clipping_plane"), ...clippingPlane);
    gl.uniform1f(uniform("u_projection_transition"), projectionTransition);
    gl.uniform4f(uniform("u_box"), ...box(grid));
    gl.uniform2f(uniform("u_lat"), grid.north, grid.rows * grid.step_lat);
    gl.uniform1i(uniform("u_fading"), Number(field.isFading));
    gl.uniform1f(uniform("u_opacity"), this.options.opacity());
    gl.uniform1i(uniform("u_colours"), 0);
    gl.uniform1i(uniform("u_certainty"), 1);
    gl.activeTexture(gl.TEXTURE1);
    gl.bindTexture(gl.TEXTURE_2D, this.certainty);
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, this.colours);
    gl.bindVertexArray(this.mesh);
    for (const world of this.worlds(grid)) {
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
  private worlds(grid: Grid): number[] {
    if (this.map.getProjection()?.type === "globe") return [0];
    const bounds = this.map.getBounds();
    const [left, , width] = box(grid);
    const first = Math.floor((bounds.getWest() + 180) / 360 - left - width) + 1;
    const last = Math.ceil((bounds.getEast() + 180) / 360 - left) - 1;
    return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
  }

  /** Computes and uploads what the textures lack. */
  private load(gl: WebGL2RenderingContext, field: Field): void {
    if (this.loaded === field) return;
    const { question, moment, layer, isFading, truth, range, palette } = field;
    const { grid, pixels } = question.coefficients;
    const { probability, uncertainty } = question.at(moment, isFading || layer === "uncertainty");
    const own = layer === "uncertainty" ? uncertainty! : probability;
    const values = truth ? (truth.isDifference ? differences(own, truth.values) : truth.values) : own;
    const table = colourTable(palette.hex);
    const colours = this.texels(grid, this.loaded?.question.coefficients === question.coefficients);
    const certainty = new Uint8Array(isFading ? grid.rows * grid.columns : 0);
    for (let cell = 0; cell < pixels.length; cell++) {
      const pixel = pixels[cell]!;
      const level = 3 * (1 + Math.round(254 * share(values[cell]!, range)));
      colours[4 * pixel] = table[level]!;
      colours[4 * pixel + 1] = table[level + 1]!;
      colours[4 * pixel + 2] = table[level + 2]!;
      colours[4 * pixel + 3] = 255;
      if (isFading) certainty[pixel] = Math.round(255 * certaintyAlpha(uncertainty![cell]!, probability[cell]!));
    }
    this.upload(gl, this.colours, grid, gl.RGBA8, gl.RGBA, colours);
    if (isFading) this.upload(gl, this.certainty, grid, gl.R8, gl.RED, certainty);
    this.loaded = field;
  }

  /** The pixels of the grid: those between the cells stay empty. */
  private texels({ rows, columns }: Grid, isSame: boolean): Uint8Array {
    if (!isSame) this.kept = new Uint8Array(4 * rows * columns);
    return this.kept;
  }

  private upload(
    gl: WebGL2RenderingContext, into: WebGLTexture | null, grid: Grid, kind: number, format: number, texels: Uint8Array,
  ): void {
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, into);
    // The map leaves these as it last needed them.
    gl.pixelStorei(gl.UNPACK_FLIP_Y_WEBGL, false);
    gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, false);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.texImage2D(gl.TEXTURE_2D, 0, kind, grid.columns, grid.rows, 0, format, gl.UNSIGNED_BYTE, texels);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 4);
    const filter = isGlobe(grid) ? gl.LINEAR : gl.NEAREST;
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, filter);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, filter);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, isGlobe(grid) ? gl.REPEAT : gl.CLAMP_TO_EDGE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
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
  const side = ACROSS + 1;
  const shares = Float32Array.from({ length: 2 * side * (DOWN + 1) }, (_, i) => {
    const vertex = i >> 1;
    return i & 1 ? Math.floor(vertex / side) / DOWN : (vertex % side) / ACROSS;
  });
  const triangles = new Uint16Array(6 * ACROSS * DOWN);
  for (let quad = 0; quad < ACROSS * DOWN; quad++) {
    const corner = Math.floor(quad / ACROSS) * side + (quad % ACROSS);
    triangles.set([corner, corner + side, corner + 1, corner + 1, corner + side, corner + side + 1], 6 * quad);
  }
  return { shares, triangles };
}
