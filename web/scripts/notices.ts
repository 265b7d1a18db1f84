/** Writes licences.txt beside the page: the licence of every package that is in it. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "vite";

const PACKAGE = /^(.*\/node_modules\/((?:@[^/]+\/)?[^/]+))\//;

function notice(folder: string): string {
  const about = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const file = readdirSync(folder).find((name) => /^(licen[cs]e|copying)/i.test(name));
  if (!file) throw new Error(`${about.name}: no licence in ${folder}`);
  return `${about.name} ${about.version} (${about.license})\n\n${readFileSync(join(folder, file), "utf8").trim()}\n`;
}

export function notices(): Plugin {
  return {
    name: "notices",
    generateBundle(_, bundle) {
      const folders = new Set<string>();
      for (const part of Object.values(bundle)) {
        if (part.type !== "chunk") continue;
        for (const id of part.moduleIds) {
          const found = PACKAGE.exec(id);
          if (found) folders.add(found[1]!);
        }
      }
      const line = `\n${"-".repeat(80)}\n\n`;
      const parts = [...folders].sort().map(notice);
      this.emitFile({ type: "asset", fileName: "assets/licences.txt", source: parts.join(line) });
    },
  };
}
