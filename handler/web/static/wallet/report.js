// The year in red envelopes, as a story of cards that one swipes, and saves as a picture.

import { calm, fill, h, icon } from "../core/dom.js";
import { doButton } from "../core/item.js";
import { openSheet } from "../core/sheet.js";
import { readYear, reckon, yearOf, YEARS } from "./year.js";

const READ_AT_MOST = 200; // envelopes received, and as many sent, to know the best, the fastest and who took them
const READ_AT_ONCE = 4;
const PICTURE = { width: 720, height: 960 };

/** @param {import("../core/page.js").Page} page @param {number} year @param {string} currency */
async function reckonYear({ services }, year, currency) {
  const { api, actions, envelopes, me } = services;
  const of = (read, name) => async (cursor) => {
    const page = await read(cursor);
    return { lines: page[name] ?? [], next: page.next_cursor };
  };
  const [sent, shares] = await Promise.all([
    readYear(of(api.sent, "envelopes"), (e) => e.created_at, year),
    readYear(of(api.received, "shares"), (s) => s.at, year),
  ]);
  const unknown = (lines) => lines.map((line) => line.envelope_id).filter((id) => !envelopes.has(id));
  const queue = [...new Set([...unknown(shares).slice(0, READ_AT_MOST), ...unknown(sent).slice(0, READ_AT_MOST)])];
  const worker = async () => {
    for (let id = queue.shift(); id; id = queue.shift()) await actions.envelopes.read(id).catch(() => {});
  };
  await Promise.all(Array.from({ length: READ_AT_ONCE }, worker));
  return reckon({ me, currency, sent, shares, known: (id) => envelopes.get(id) });
}

/** The years that one may look at, the newest first. @param {number} now @param {number} chosen */
export const yearOptions = (now, chosen) =>
  Array.from({ length: YEARS }, (_, i) =>
    h("option", { value: now - i, selected: now - i === chosen }, String(now - i)),
  );

/** What the year's cards say. @param {import("../core/texts.js").Texts} texts */
function cards(texts, year, currency, found) {
  const { t } = texts;
  const money = (minor) => texts.money(minor, currency);
  const { given, received, best, luckiest, fastest, most } = found;
  const list = [
    { title: t("year.cover", { year }), big: String(year), text: t("year.cover_text") },
    { title: t("year.given"), big: money(given.total), text: t("year.given_text", { n: given.count }) },
    { title: t("year.received"), big: money(received.total), text: t("year.received_text", { n: received.count }) },
    { title: t("year.best"), big: String(best), text: t("year.best_text", { n: best }) },
  ];
  if (luckiest)
    list.push({
      title: t("year.luckiest"),
      big: money(luckiest.amount),
      text: t("year.luckiest_text", { name: texts.name(luckiest.sender), day: texts.time(luckiest.at) }),
    });
  if (fastest)
    list.push({
      title: t("year.fastest"),
      big: t("year.seconds", { s: (fastest.ms / 1000).toFixed(fastest.ms < 10_000 ? 2 : 0) }),
      text: t("year.fastest_text", { name: texts.name(fastest.share.sender) }),
    });
  if (most)
    list.push({
      title: t("year.most"),
      big: texts.name(most.user),
      text: t("year.most_text", { n: most.count, given: money(most.given), received: money(most.received) }),
    });
  return list;
}

/** @param {import("../core/page.js").Page} page @param {string} currency @param {number} year which is shown first */
export function openReport(page, currency, year) {
  const { texts, services } = page;
  const { t } = texts;
  const now = yearOf(services.api.now());
  let shown = /** @type {{title: string, big: string, text: string}[]} */ ([]);
  let turn = 0;
  const choice = h(
    "select",
    {
      class: "currency",
      "aria-label": t("year.choose"),
      data: { testid: "year-choice" },
      on: { change: () => ((year = Number(choice.value)), draw()) },
    },
    yearOptions(now, year),
  );
  const track = h("ol", { class: "report", tabindex: 0, "aria-label": t("year.title"), data: { testid: "report" } });
  const at = () => Math.round(track.scrollLeft / Math.max(1, track.clientWidth));
  const go = (by) => track.scrollTo({ left: (at() + by) * track.clientWidth, behavior: calm() ? "instant" : "smooth" });
  const step = (name, label, by) =>
    h("button", { class: "plain", type: "button", "aria-label": label, on: { click: () => go(by) } }, icon(name));
  const save = doButton(
    page,
    { class: "secondary", data: { testid: "report-save" } },
    [icon("download"), t("year.save")],
    () => savePicture(shown[at()] ?? shown[0], t("app.name"), `hongbao-${year}-${at() + 1}.png`),
  );
  const draw = async () => {
    const mine = ++turn;
    track.setAttribute("aria-busy", "true");
    const found = await services.attempt(reckonYear(page, year, currency));
    if (mine !== turn || !found) return;
    track.removeAttribute("aria-busy");
    shown = cards(texts, year, currency, found);
    fill(
      track,
      shown.map(({ title, big, text }, i) =>
        h(
          "li",
          { class: `report-card tone-${i % 4}` },
          h("p", { class: "report-title" }, title),
          h("strong", { class: "report-big" }, big),
          h("p", { class: "report-text" }, text),
        ),
      ),
    );
    track.scrollTo({ left: 0 });
  };
  openSheet(
    page,
    t("year.title"),
    [
      h("div", { class: "wallet-top" }, choice),
      track,
      h(
        "div",
        { class: "buttons report-foot" },
        step("back", t("year.before"), -1),
        save,
        step("next", t("year.next"), 1),
      ),
    ],
    null,
    { wide: true },
  );
  draw();
}

// A card as a PNG, drawn anew at its own size.
async function savePicture({ title, big, text }, name, file) {
  const { width, height } = PICTURE;
  const canvas = h("canvas", { width, height });
  const draw = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const ground = draw.createLinearGradient(0, 0, 0, height);
  ground.addColorStop(0, "#d9563e");
  ground.addColorStop(1, "#a93421");
  draw.fillStyle = ground;
  draw.fillRect(0, 0, width, height);
  draw.textAlign = "center";
  const font = getComputedStyle(document.body).fontFamily;
  const write = (words, y, size, colour, weight = 500) => {
    draw.fillStyle = colour;
    draw.font = `${weight} ${size}px ${font}`;
    for (const line of lines(draw, words, width - 120)) {
      draw.fillText(line, width / 2, y);
      y += size * 1.35;
    }
  };
  write(title, 270, 40, "#ffe7b5");
  write(big, 460, 92, "#fff4d6", 700);
  write(text, 620, 36, "#ffe0c4");
  write(name, height - 70, 26, "#ffd9b0");
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  if (!blob) return;
  const url = URL.createObjectURL(blob);
  h("a", { href: url, download: file }).click();
  setTimeout(() => URL.revokeObjectURL(url), 0);
}

// Lines that fit a width; where there are no spaces, as in Chinese, they break between letters.
function lines(draw, words, width) {
  const all = [""];
  for (const part of words.match(/[\u3000-\u9fff\uff00-\uffef]|[^\s\u3000-\u9fff\uff00-\uffef]+\s*|\s+/g) ?? []) {
    if (draw.measureText(all[all.length - 1] + part.trimEnd()).width > width) all.push("");
    all[all.length - 1] += part;
  }
  return all.map((line) => line.trim()).slice(0, 4);
}
