/** The sites of a plan on the map: numbered, the first adds most. */

import { effect } from "@preact/signals";
import maplibregl, { type Map as GlMap } from "maplibre-gl";
import { isOld, isOpen, plan, type Site } from "./plan";

/** Makes a map show the sites; returns what ends that. */
export function followSites(map: GlMap, onClick: (site: Site) => void): () => void {
  let marks: maplibregl.Marker[] = [];
  const clear = () => {
    marks.forEach((mark) => mark.remove());
    marks = [];
  };
  const end = effect(() => {
    clear();
    if (!isOpen.value) return;
    marks = (plan.value?.sites ?? []).map((site) => {
      const element = document.createElement("div");
      element.className = `mark mark-site${isOld.value ? " is-old" : ""}`;
      element.textContent = String(site.site);
      element.addEventListener("click", (event) => {
        event.stopPropagation();
        onClick(site);
      });
      const mark = new maplibregl.Marker({ element }).setLngLat([site.lon, site.lat]).addTo(map);
      // Read in the list beside the map.
      for (const name of ["aria-label", "role", "tabindex"]) element.removeAttribute(name);
      element.setAttribute("aria-hidden", "true");
      return mark;
    });
  });
  return () => {
    end();
    clear();
  };
}
