// The choice of a cover in a form: the plain design, and those that one holds and may use, as small pictures.

import { h, keyed } from "../core/dom.js";
import { thumb } from "./art.js";

const NONE = "";

/**
 * @param {import("../core/page.js").Page} page
 * @param {(cover: import("./covers.js").Cover|null) => void} changed
 */
export function coverPicker({ texts, services }, changed) {
  const { t } = texts;
  const { covers, api } = services;
  const tiles = h("div", { class: "picker-tiles" });
  const label = h("span", { class: "picker-name" });
  const el = h(
    "fieldset",
    { class: "picker", hidden: true, data: { testid: "covers" } },
    h("legend", { class: "spoken" }, t("cover.choose")),
    h("p", { class: "picker-head", "aria-hidden": "true" }, h("span", {}, t("cover.one")), label),
    tiles,
  );
  let chosen = NONE;

  const choose = (id) => {
    chosen = id;
    const cover = covers.get(id) ?? null;
    label.textContent = cover ? cover.name : t("cover.plain");
    changed(cover);
  };

  const tile = (id) => {
    const cover = covers.get(id);
    return h(
      "label",
      { class: "picker-tile", title: cover ? cover.name : t("cover.plain"), data: { testid: `cover-${id || "none"}` } },
      h("input", {
        type: "radio",
        name: "cover",
        value: id,
        checked: id === chosen,
        "aria-label": cover ? texts.t("cover.by", { name: cover.name, merchant: cover.merchant }) : t("cover.plain"),
        on: { change: () => choose(id) },
      }),
      cover ? thumb(cover) : h("span", { class: "thumb thumb-plain", "aria-hidden": "true" }, h("i")),
    );
  };

  /** Follows what one holds. A choice that is gone becomes none. */
  const update = () => {
    const ids = covers.usable(api.now()).flatMap(({ id }) => (covers.get(id) ? [id] : []));
    el.hidden = ids.length === 0;
    keyed(
      tiles,
      [NONE, ...ids],
      (id) => `${id} ${JSON.stringify(covers.get(id) ?? null)}`,
      (id) => tile(id),
    );
    if (chosen && covers.known && !ids.includes(chosen)) pick(NONE);
    else label.textContent = covers.get(chosen)?.name ?? t("cover.plain");
  };

  /** @param {string} id of a cover, "" for none */
  const pick = (id) => {
    const radio = /** @type {HTMLInputElement|undefined} */ (
      [...tiles.querySelectorAll("input")].find((input) => input.value === id)
    );
    if (!radio) return;
    radio.checked = true;
    choose(id);
  };

  update();
  return { el, update, pick, value: () => chosen };
}
