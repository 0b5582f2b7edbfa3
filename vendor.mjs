// Copies what the pages use out of node_modules into portal/static/vendor, and builds one
// sprite out of the few icons that we show. Run by `make setup`; nothing here is committed.
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";

const TARGET = "portal/static/vendor";
const FILES = [
  "bootstrap/dist/css/bootstrap.min.css",
  "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2",
  "@fontsource-variable/inter/files/inter-latin-ext-wght-normal.woff2",
  "swagger-ui-dist/swagger-ui.css",
  "swagger-ui-dist/swagger-ui-bundle.js",
  "tus-js-client/dist/tus.min.js",
];
const ICONS = [
  "arrow-clockwise", "arrow-counterclockwise", "arrows-collapse", "arrows-expand",
  "box-arrow-right", "calendar-plus", "camera-video", "check2-circle", "chevron-down", "chevron-left",
  "chevron-right", "circle-half", "clock", "cloud-arrow-up", "collection-play", "copy",
  "download", "exclamation-octagon", "file-earmark", "funnel", "gear", "globe2", "grid",
  "headphones", "hourglass-split", "house", "inbox", "journal-text", "keyboard",
  "layout-sidebar", "link-45deg", "list-ul", "lock", "mic", "people", "person-circle",
  "person-plus", "play-fill", "search", "shield-check", "shield-exclamation", "soundwave", "tag",
  "trash", "x-lg",
];

mkdirSync(TARGET, { recursive: true });
for (const file of FILES) {
  cpSync(`node_modules/${file}`, `${TARGET}/${file.split("/").pop()}`);
}
const symbols = ICONS.map((name) => {
  const svg = readFileSync(`node_modules/bootstrap-icons/icons/${name}.svg`, "utf8");
  const inner = svg.replace(/^[\s\S]*?<svg[^>]*>/, "").replace(/<\/svg>\s*$/, "");
  return `<symbol id="${name}" viewBox="0 0 16 16">${inner}</symbol>`;
});
const sprite = `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>\n`;
writeFileSync(`${TARGET}/icons.svg`, sprite);
