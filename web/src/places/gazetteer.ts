/** Towns, countries and borders by name; places.txt has them, written by scripts/places.py. */

export interface Country {
  readonly code: string;
  readonly name: string;
}

export interface Town {
  readonly name: string;
  readonly country: Country;
  readonly lat: number;
  readonly lon: number;
  /** Logarithm to base 10. */
  readonly people: number;
}

export interface Gazetteer {
  readonly countries: readonly Country[];
  readonly towns: readonly Town[];
  /** Lines of longitude and latitude. */
  readonly borders: readonly (readonly (readonly [number, number])[])[];
}

/** Coordinates are whole numbers of 1/STEPS degree, as the script has it. */
const STEPS = 20;

export function parseGazetteer(text: string): Gazetteer {
  const [first = "", second = "", third = ""] = text.trimEnd().split("\n\n");
  const countries = first.split("\n").map((line) => {
    const [code = "", name = ""] = line.split("\t");
    return { code, name };
  });
  const towns = second.split("\n").map((line) => {
    const [name = "", country, lat, lon, people] = line.split("\t");
    return {
      name,
      country: countries[Number(country)]!,
      lat: Number(lat) / STEPS,
      lon: Number(lon) / STEPS,
      people: Number(people) / 10,
    };
  });
  const borders = third.split("\n").map((line) => {
    const steps = line.split(" ").map(Number);
    let [lon, lat] = [0, 0];
    return Array.from({ length: steps.length >> 1 }, (_, i) => {
      lon += steps[2 * i]!;
      lat += steps[2 * i + 1]!;
      return [lon / STEPS, lat / STEPS] as const;
    });
  });
  return { countries, towns, borders };
}

/** What is offered for some letters. */
export interface Match {
  readonly name: string;
  /** The country of a town; empty for a country. */
  readonly within: string;
  /** West, south, east, north of what is to be seen. */
  readonly bounds: readonly [number, number, number, number];
  /** Where a town is, which can be chosen; null for a country. */
  readonly at: { readonly lat: number; readonly lon: number } | null;
}

const MOST = 8;
const TOWN_DEG = 4;

/** Without case, accents and hyphens. */
export function plain(name: string): string {
  const bare = name.normalize("NFD").replace(/\p{M}/gu, "");
  return bare.toLowerCase().replace(/[-'’]/g, " ").replace(/\s+/g, " ").trim();
}

/** Countries and towns with a word that begins so: those of exactly this name first, then the largest. */
export function findPlaces({ countries, towns }: Gazetteer, typed: string): Match[] {
  const [wanted = "", within = ""] = typed.split(",").map(plain);
  if (!wanted) return [];
  const rank = (name: string) => {
    const known = plain(name);
    return known === wanted ? 0 : known.startsWith(wanted) ? 1 : known.includes(` ${wanted}`) ? 2 : 3;
  };
  const found: { match: () => Match; rank: number; size: number }[] = [];
  for (const country of within ? [] : countries) {
    const at = rank(country.name);
    if (at < 3) found.push({ match: () => ofCountry(country, towns), rank: at, size: 10 });
  }
  for (const town of towns) {
    const at = rank(town.name);
    if (at < 3 && (!within || plain(town.country.name).startsWith(within))) {
      found.push({ match: () => ofTown(town), rank: at, size: town.people });
    }
  }
  found.sort((a, b) => a.rank - b.rank || b.size - a.size);
  return found.slice(0, MOST).map(({ match }) => match());
}

function ofTown({ name, country, lat, lon }: Town): Match {
  const wide = TOWN_DEG / Math.max(0.2, Math.cos((lat * Math.PI) / 180));
  return { name, within: country.name, at: { lat, lon }, bounds: [lon - wide, lat - TOWN_DEG, lon + wide, lat + TOWN_DEG] };
}

/** A country as far as its towns reach, on the side of the antimeridian where its largest one is. */
function ofCountry(country: Country, towns: readonly Town[]): Match {
  const own = towns.filter((town) => town.country === country);
  const middle = own[0]?.lon ?? 0;
  const lons = own.map(({ lon }) => (lon - middle > 180 ? lon - 360 : lon - middle < -180 ? lon + 360 : lon));
  const lats = own.map(({ lat }) => lat);
  const bounds = [Math.min(...lons) - 1, Math.min(...lats) - 1, Math.max(...lons) + 1, Math.max(...lats) + 1] as const;
  return { name: country.name, within: "", at: null, bounds };
}

/** `near Vienna, AT` with the name of the country instead of its code. */
export function withCountry({ countries }: Gazetteer, name: string): string {
  const [, before, code] = /^(.*), ([A-Z]{2})$/.exec(name) ?? [];
  const country = countries.find((one) => one.code === code);
  return country ? `${before}, ${country.name}` : name;
}
