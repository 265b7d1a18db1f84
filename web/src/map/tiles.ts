/** Tiles of answers as the map draws them: levels of one layer, coloured here and perhaps faded. */

import maplibregl from "maplibre-gl";
import type { TileAddress } from "../answers";
import { ApiError, request } from "../api";
import { colourTable, paint } from "../colour";

const SCHEME = "psm";
const SIDE_PX = 256;
const KEPT = 400;
const MOST_WARM = 24;

/** What the addresses of the map stand for; the map itself only sees a number. */
const known = new Map<string, TileAddress>();
const numbers = new Map<string, string>();
let onTrouble: (error: ApiError) => void = () => {};

export function whenTilesFail(report: (error: ApiError) => void): void {
  onTrouble = report;
}

const textOf = ({ levels, doubts, palette }: TileAddress) => `${levels} ${doubts} ${palette.id}`;

/** An address for a raster source. */
export function tileTemplate(address: TileAddress): string {
  const text = textOf(address);
  let number = numbers.get(text);
  if (!number) {
    number = String(numbers.size);
    numbers.set(text, number);
    known.set(number, address);
  }
  return `${SCHEME}://${number}/{z}/{x}/{y}`;
}

// The browser keeps tiles too, but reading its cache costs several milliseconds a tile.
const recent = new Map<string, Promise<Blob>>();

/** Shared by all that want the tile, so none of them may abort it. */
function fetched(url: string): Promise<Blob> {
  const before = recent.get(url);
  if (before) return before;
  const blob = request(url).then((response) => response.blob());
  recent.set(url, blob);
  blob.catch(() => recent.delete(url));
  if (recent.size > KEPT) recent.delete(recent.keys().next().value!);
  return blob;
}

async function pixels(blob: Blob): Promise<ImageData> {
  const image = await createImageBitmap(blob, { premultiplyAlpha: "none", colorSpaceConversion: "none" });
  const canvas = new OffscreenCanvas(SIDE_PX, SIDE_PX);
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  context.drawImage(image, 0, 0);
  image.close();
  return context.getImageData(0, 0, SIDE_PX, SIDE_PX);
}

async function painted({ palette, ends, isQuantity }: TileAddress, levels: Blob, doubts?: Blob): Promise<ImageBitmap> {
  const [shown, unsure] = await Promise.all([pixels(levels), doubts && pixels(doubts)]);
  const [probability, uncertainty] = ends;
  const fading = unsure && probability && uncertainty ? { levels: unsure.data, uncertainty, probability, isWidth: isQuantity } : null;
  paint(shown.data, fading, colourTable(palette.hex));
  return createImageBitmap(shown);
}

/** The tiles last drawn of each address, as `z/x/y`. */
const drawn = new Map<string, Set<string>>();

function parts(address: TileAddress, tile: string): Promise<Blob>[] {
  return [address.levels, address.doubts]
    .filter((template) => template !== null)
    .map((template) => fetched(template.replace("{z}/{x}/{y}", tile)));
}

/**
 * Asks for the tiles of an address that another one shows just now: the map itself would ask only
 * after it has drawn once more.
 */
export function warm(address: TileAddress, shown: TileAddress): void {
  const number = numbers.get(textOf(shown)) ?? "";
  for (const tile of drawn.get(number) ?? []) {
    parts(address, tile).forEach((blob) => blob.catch(() => {})); // the map will report it
  }
}

async function load(url: string): Promise<ImageBitmap> {
  const [, number = "", tile = ""] = /^psm:\/\/(\d+)\/(\d+\/\d+\/\d+)/.exec(url) ?? [];
  const address = known.get(number);
  if (!address) throw new Error(`no such tiles: ${url}`);
  const tiles = drawn.get(number) ?? new Set<string>();
  drawn.set(number, tiles);
  tiles.delete(tile);
  tiles.add(tile);
  if (tiles.size > MOST_WARM) tiles.delete(tiles.values().next().value!);
  const [levels, doubts] = await Promise.all(parts(address, tile));
  return painted(address, levels!, doubts);
}

maplibregl.addProtocol(SCHEME, async (params) => {
  try {
    return { data: await load(params.url) };
  } catch (error) {
    if (error instanceof ApiError) onTrouble(error);
    throw error;
  }
});
