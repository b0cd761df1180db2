// The icons of the consoles, as symbols that core/dom.js uses by name.

const SVG = "http://www.w3.org/2000/svg";

const LINES = {
  back: "M15 4l-8 8 8 8",
  books: "M5 4h11a3 3 0 0 1 3 3v13H8a3 3 0 0 1-3-3zM5 17a3 3 0 0 1 3-3h11",
  chat: "M4 5h16v11H10l-5 4v-4H4z",
  check: "M5 12.5l4.5 4.5L19 7.5",
  chevron: "M9 5l7 7-7 7",
  clock: "M12 3.5a8.5 8.5 0 1 0 .01 0M12 7.5V12l3 2",
  close: "M6 6l12 12M18 6L6 18",
  cover: "M6 3h12v18H6zM6 9c4 4 8 4 12 0M12 10.5v4M10 12.5h4",
  copy: "M9 9h11v11H9zM5.5 15H4V4h11v1.5",
  download: "M12 4v11M7 10.5l5 5 5-5M5 20h14",
  edit: "M4 20l1-4.5L16 4.5l3.5 3.5L8.5 19zM14 6.5l3.5 3.5",
  events: "M8.5 6H20M8.5 12H20M8.5 18H20M4 6h.01M4 12h.01M4 18h.01",
  home: "M4 11.5L12 4l8 7.5V19a1 1 0 0 1-1 1h-4.5v-6h-5v6H5a1 1 0 0 1-1-1z",
  inbox: "M4 13l3-8h10l3 8v6H4zM4 13h5a3 3 0 0 0 6 0h5",
  key: "M15.5 4a4.8 4.8 0 1 1-4.3 6.9L4 18v2.5h3.4V18H10v-2.6h1.6l1.6-1.5M16.5 8h.01",
  language: "M12 3.3a8.7 8.7 0 1 0 .01 0M3.5 12h17M12 3.3c5 5 5 12.4 0 17.4M12 3.3c-5 5-5 12.4 0 17.4",
  limits: "M4.5 18.5a9 9 0 1 1 15 0M12 14l4-5",
  out: "M14 5H6a1 1 0 0 0-1 1v12a1 1 0 0 0 1 1h8M10 12h10M16.5 8.5L20 12l-3.5 3.5",
  pause: "M8.5 5.5v13M15.5 5.5v13",
  people:
    "M9 5a3.5 3.5 0 1 1-.01 0M2.5 19.5c.5-4 3-6 6.5-6s6 2 6.5 6M16 5.3a3.5 3.5 0 0 1 0 6.4M18 14c2 .8 3.2 2.7 3.5 5.5",
  image: "M4 5h16v14H4zM4 16l4.5-5 4 4 3-3 4.5 4M15.5 8.5h.01",
  flag: "M6 21V4h11l-2 4 2 4H6",
  play: "M7.5 5l11 7-11 7z",
  plus: "M12 5v14M5 12h14",
  print: "M7 8V4h10v4M7 16H4V8h16v8h-3M7 13h10v7H7z",
  qr: "M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM14 14h2v2h-2zM18 14h2M14 18v2M18 18h2v2h-2z",
  return: "M9 6L4.5 10.5 9 15M5 10.5h9.5a5 5 0 0 1 0 10H11",
  roll: "M20 11a8 8 0 1 0-2.3 6.6M20.5 5v6h-6",
  search: "M11 4.5a6.5 6.5 0 1 0 .01 0M15.8 15.8L20.5 20.5",
  send: "M20.5 3.5L3.5 10.2l7 3.3 3.3 7zM10.5 13.5l10-10",
  shield: "M12 3l7.5 3v5.5c0 4.5-3 8-7.5 9.5-4.5-1.5-7.5-5-7.5-9.5V6zM8.5 12l2.5 2.5 4.5-5",
  shop: "M5 11v9h14v-9M3 10l2-6h14l2 6a3 3 0 0 1-6 0 3 3 0 0 1-6 0 3 3 0 0 1-6 0zM10 20v-5h4v5",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  transfer: "M4 9h15l-4.5-4.5M20 15H5l4.5 4.5",
  wallet: "M17 8V5H6.5a2.5 2.5 0 0 0 0 5M4 7.5V17a2.5 2.5 0 0 0 2.5 2.5H20V8H6.5M16 13.8h.01",
};

const PACKET = [
  ["rect", { width: 40, height: 48, rx: 5, fill: "#d8442f" }],
  ["path", { d: "M0 5a5 5 0 0 1 5-5h30a5 5 0 0 1 5 5v8c-11 9-29 9-40 0z", fill: "#e9604a" }],
  ["circle", { cx: 20, cy: 19, r: 8, fill: "#fbd97f" }],
];

const YUAN = {
  d: "M20 14.5v9M16.2 16.2l3.8 4 3.8-4M16.8 20.2h6.4M16.8 22.4h6.4",
  stroke: "#b5562b",
  "stroke-width": 1.5,
};

const LINE = { fill: "none", "stroke-linecap": "round", "stroke-linejoin": "round" };

/** Puts the symbols into the page, once. */
export function addSymbols() {
  const packet = make("symbol", { id: "i-packet", viewBox: "0 0 40 48" });
  packet.append(...PACKET.map(([name, attributes]) => make(name, attributes)), make("path", { ...LINE, ...YUAN }));
  const symbols = Object.entries(LINES).map(([name, d]) => {
    const symbol = make("symbol", { id: `i-${name}`, viewBox: "0 0 24 24" });
    symbol.append(make("path", { d, ...LINE, stroke: "currentColor", "stroke-width": 1.9 }));
    return symbol;
  });
  const svg = make("svg", { class: "symbols", "aria-hidden": "true" });
  svg.append(packet, ...symbols);
  document.body.prepend(svg);
}

function make(name, attributes) {
  const el = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) el.setAttribute(key, String(value));
  return el;
}
