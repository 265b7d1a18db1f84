// Fails the build when the page's JavaScript grows beyond what a first visit may cost.
import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const LIMIT_KB = 400;
const folder = new URL("../../src/psm/server/static/assets/", import.meta.url);
const scripts = readdirSync(folder).filter((name) => name.endsWith(".js"));
const sizes = scripts.map((name) => gzipSync(readFileSync(new URL(name, folder))).length / 1000);
const total = sizes.reduce((sum, size) => sum + size, 0);
scripts.forEach((name, i) => console.log(`${name}: ${sizes[i].toFixed(1)} kB gzipped`));
console.log(`JavaScript together: ${total.toFixed(1)} of ${LIMIT_KB} kB gzipped`);
if (total > LIMIT_KB) process.exit(1);
