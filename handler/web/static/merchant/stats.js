// Views, claims and uses of a cover over time, as a chart, as figures and as a file.

import { h } from "../core/dom.js";
import { empty, iconButton, panel, refill } from "../console/parts.js";
import uPlot from "../vendor/uplot.js";
import { saveFile } from "./files.js";

const HOUR_MS = 60 * 60_000;
const DAYS = [1, 7, 30, 90];
const HEIGHT = 230;
const VIEWS = "#8a6fb0";
const CLAIMS = "#c8432e";

/**
 * Sums of views and claims in steps that have no gaps, from the earliest to the latest.
 * @param {{at: number, views: number, claims: number}[]} hours
 * @param {number} from @param {number} to @param {number} step ms
 */
export function sums(hours, from, to, step) {
  const first = Math.floor(from / step) * step;
  const count = Math.max(1, Math.ceil((to - first) / step));
  const times = Array.from({ length: count }, (_, i) => first + i * step);
  const views = times.map(() => 0);
  const claims = times.map(() => 0);
  for (const hour of hours) {
    const i = Math.floor((hour.at - first) / step);
    if (i < 0 || i >= count) continue;
    views[i] += hour.views;
    claims[i] += hour.claims;
  }
  return { times, views, claims };
}

/**
 * @param {import("./console.js").MerchantPage} page
 * @param {string} id
 * @param {string} cover
 * @param {() => Map<string, string>} names of channels
 */
export function statsPanel(page, id, cover, names, now) {
  const { texts, services, api } = page;
  const { t } = texts;
  let days = 7;
  /** @type {any[]} */
  let hours = [];
  /** @type {{at: number, sent: number, opened: number, reached: number}[]} */
  let uses = [];
  /** @type {any} */
  let plot = null;
  const chart = h("div", { class: "chart", data: { testid: "chart" } });
  const figures = h("div", { class: "figures" });
  const number = new Intl.NumberFormat(texts.lang);
  const choice = h(
    "select",
    {
      "aria-label": t("stats.range"),
      data: { testid: "stats-days" },
      on: { change: () => ((days = Number(choice.value)), services.attempt(refresh())) },
    },
    DAYS.map((n) => h("option", { value: n, selected: n === days }, t("stats.days", { n }))),
  );
  const csv = () => {
    const known = names();
    const quoted = (text) => `"${text.replaceAll('"', '""').replace(/^[=+\-@\t\r]/, "'$&")}"`; // no formula
    const lines = hours.map((x) => [
      new Date(x.at).toISOString(),
      quoted(known.get(x.channel_id) ?? x.channel_id),
      x.views,
      x.claims,
      "",
      "",
      "",
    ]);
    lines.push(...uses.map((x) => [new Date(x.at).toISOString(), "", "", "", x.sent, x.opened, x.reached]));
    const head = "hour,channel,views,claims,sent,opened,reached";
    saveFile([head, ...lines.map((line) => line.join(",")), ""].join("\r\n"), "text/csv", `cover-${cover}.csv`);
  };
  const width = () => Math.max(240, chart.clientWidth - 24);
  const draw = (from, to) => {
    plot?.destroy();
    plot = null;
    if (hours.length === 0) {
      refill(chart, empty("limits", t("stats.none"), t("stats.none_text")));
      return;
    }
    const step = days <= 7 ? HOUR_MS : 24 * HOUR_MS;
    const { times, views, claims } = sums(hours, from, to, step);
    const total = (list) => list.reduce((sum, n) => sum + n, 0);
    const place = h("div", {
      role: "img",
      "aria-label": t("stats.chart", { views: total(views), claims: total(claims) }),
    });
    refill(chart, place);
    const line = (label, stroke) => ({
      label,
      stroke,
      width: 2,
      fill: `${stroke}22`,
      points: { show: times.length < 40 },
    });
    const [ink, hairline] = [getComputedStyle(place).color, "rgb(128 115 105 / 25%)"];
    const axis = { stroke: ink, grid: { stroke: hairline, width: 1 }, ticks: { stroke: hairline } };
    const time = { label: t("stats.time"), value: (_, s) => (s === null ? "–" : texts.time(s * 1000)) };
    plot = new /** @type {any} */ (uPlot)(
      {
        width: width(),
        height: HEIGHT,
        series: [time, line(t("stats.views"), VIEWS), line(t("stats.claims"), CLAIMS)],
        scales: { y: { range: (_, __, max) => [0, Math.max(4, max * 1.1)] } },
        axes: [
          { ...axis, values: (_, all) => all.map((s) => shortTime(texts.lang, s * 1000, days)) },
          { ...axis, size: 44 },
        ],
      },
      [times.map((ms) => ms / 1000), views, claims],
      place,
    );
  };
  const refresh = async () => {
    const to = now();
    const from = to - days * 24 * HOUR_MS;
    const found = await api.stats(id, cover, from, to);
    hours = found.hours ?? [];
    uses = found.uses ?? [];
    refill(
      figures,
      ...["sent", "opened", "reached"].map((name) =>
        h(
          "div",
          { class: "figure", data: { testid: `stats-${name}` } },
          h("strong", {}, number.format(uses.reduce((sum, use) => sum + use[name], 0))),
          h("span", {}, t(`stats.${name}`)),
        ),
      ),
    );
    draw(from, to);
  };
  const sized = new ResizeObserver(
    () => plot && plot.width !== width() && plot.setSize({ width: width(), height: HEIGHT }),
  );
  sized.observe(chart);
  const actions = [choice, iconButton("download", t("stats.csv"), csv, { data: { testid: "stats-csv" } })];
  const end = () => {
    sized.disconnect();
    plot?.destroy();
  };
  return { el: panel(t("stats.title"), [figures, chart], { actions, hint: t("stats.hint") }), refresh, end };
}

function shortTime(lang, ms, days) {
  /** @type {Intl.DateTimeFormatOptions} */
  const parts =
    days <= 1 ? { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } : { month: "numeric", day: "numeric" };
  return new Intl.DateTimeFormat(lang, parts).format(ms);
}
