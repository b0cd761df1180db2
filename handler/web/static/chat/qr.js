// A text as a QR code.

import { correction, generate } from "../vendor/lean-qr.js";

const SVG = "http://www.w3.org/2000/svg";
const QUIET = 4; // modules around the code, as ISO/IEC 18004 asks

/** @param {string} text @param {string} label what it is, for who cannot see it */
export function qrCode(text, label) {
  const code = /** @type {any} */ (generate)(text, { minCorrectionLevel: correction.M });
  const size = code.size + 2 * QUIET;
  let path = "";
  for (let y = 0; y < code.size; y++) {
    for (let x = 0; x < code.size; x++) if (code.get(x, y)) path += `M${x + QUIET} ${y + QUIET}h1v1h-1z`;
  }
  const element = (name, attributes) => {
    const el = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) el.setAttribute(key, String(value));
    return el;
  };
  const svg = element("svg", { viewBox: `0 0 ${size} ${size}`, role: "img", "aria-label": label, class: "qr-code" });
  svg.append(
    element("rect", { width: size, height: size, fill: "#fff" }),
    element("path", { d: path, fill: "#000", "shape-rendering": "crispEdges" }),
  );
  return svg;
}
