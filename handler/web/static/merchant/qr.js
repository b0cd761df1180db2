// The QR code of a channel, to print and to keep as a file.

import { h, icon } from "../core/dom.js";
import { openSheet } from "../core/sheet.js";
import { copyable, iconButton } from "../console/parts.js";
import { correction, generate } from "../vendor/lean-qr.js";
import { saveFile } from "./files.js";

const SVG = "http://www.w3.org/2000/svg";
const QUIET = 4; // modules around the code, as ISO/IEC 18004 asks
const PNG_MODULE = 16; // pixels

/** The modules of a code that are dark, as a path, and its size with the quiet zone. @param {string} text */
export function qrPath(text) {
  const code = /** @type {any} */ (generate)(text, { minCorrectionLevel: correction.M });
  let path = "";
  for (let y = 0; y < code.size; y++) {
    for (let x = 0; x < code.size; x++) {
      if (code.get(x, y)) path += `M${x + QUIET} ${y + QUIET}h1v1h-1z`;
    }
  }
  return { path, size: code.size + 2 * QUIET };
}

/** @param {import("./console.js").MerchantPage} page @param {{url: string, name: string}} of */
export function openQR(page, { url, name }) {
  const { t } = page.texts;
  const { path, size } = qrPath(url);
  const svg = document.createElementNS(SVG, "svg");
  const set = (el, attributes) => {
    for (const [key, value] of Object.entries(attributes)) el.setAttribute(key, String(value));
    return el;
  };
  set(svg, { xmlns: SVG, viewBox: `0 0 ${size} ${size}`, role: "img", "aria-label": t("channel.qr_label", { url }) });
  svg.append(
    set(document.createElementNS(SVG, "rect"), { width: size, height: size, fill: "#fff" }),
    set(document.createElementNS(SVG, "path"), { d: path, fill: "#000", "shape-rendering": "crispEdges" }),
  );
  const saveSVG = () => saveFile(new XMLSerializer().serializeToString(svg), "image/svg+xml", "cover-qr.svg");
  const savePNG = () => {
    const canvas = h("canvas", { width: size * PNG_MODULE, height: size * PNG_MODULE });
    const draw = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    draw.fillStyle = "#fff";
    draw.fillRect(0, 0, canvas.width, canvas.height);
    draw.scale(PNG_MODULE, PNG_MODULE);
    draw.fillStyle = "#000";
    draw.fill(new Path2D(path));
    canvas.toBlob((blob) => blob && saveFile(blob, "image/png", "cover-qr.png"));
  };
  const print = () => {
    document.documentElement.classList.add("printing");
    window.print();
    document.documentElement.classList.remove("printing");
  };
  openSheet(
    page,
    t("channel.qr"),
    [
      h("p", { class: "sheet-text no-print" }, t("channel.qr_text")),
      h(
        "div",
        { class: "qr", data: { testid: "qr" } },
        h("strong", {}, name),
        svg,
        copyable(page, url, t("channel.link")),
      ),
      h(
        "div",
        { class: "buttons no-print" },
        h(
          "button",
          { class: "primary small", type: "button", data: { testid: "qr-print" }, on: { click: print } },
          icon("print"),
          t("channel.print"),
        ),
        iconButton("download", t("channel.svg"), saveSVG, { data: { testid: "qr-svg" } }),
        iconButton("download", t("channel.png"), savePNG, { data: { testid: "qr-png" } }),
      ),
    ],
    null,
  );
}
