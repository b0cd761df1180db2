// A cover to look at: the envelope, what it is called and whose it is, and the pages of its story to swipe.

import { attribute, h } from "../core/dom.js";
import { art, envelope } from "./art.js";

/** @typedef {import("./covers.js").Cover} Cover */

/**
 * turn shows the envelope's back.
 * @param {import("../core/texts.js").Texts} texts
 * @param {Cover} cover
 */
export function coverView(texts, cover) {
  const { t } = texts;
  const whole = envelope(cover);
  const el = h(
    "article",
    { class: "shown", data: { testid: "cover-shown", cover: cover.id } },
    whole,
    h("h1", { class: "shown-name", data: { testid: "cover-name" } }, cover.name),
    h("p", { class: "shown-by" }, cover.merchant ? t("cover.from", { merchant: cover.merchant }) : t("cover.ours")),
    cover.mode === "test" && h("p", { class: "shown-test" }, t("cover.test")),
    cover.greeting && h("p", { class: "shown-greeting" }, t("cover.greeting", { greeting: cover.greeting })),
    story(texts, cover),
  );
  return { el, turn: () => whole.classList.add("turned") };
}

// Swiped by touch, scrolled by keys and wheel, or tapped through by its dots.
function story({ t }, cover) {
  const pages = cover.story.filter(({ image, text }) => image || text);
  if (!pages.length) return null;
  const slides = pages.map(({ image, text }, i) =>
    h(
      "li",
      { class: "story-page", "aria-label": t("cover.page", { n: i + 1, m: pages.length }) },
      art(image, "large", "story-art"),
      text && h("p", {}, text),
    ),
  );
  const track = h("ol", { class: "story-track", tabindex: "0", "aria-label": t("cover.story") }, slides);
  const dots = slides.map((_, i) =>
    h("button", {
      class: "story-dot",
      type: "button",
      "aria-label": t("cover.page", { n: i + 1, m: pages.length }),
      data: { testid: `story-${i + 1}` },
      on: { click: () => track.scrollTo({ left: i * track.clientWidth, behavior: "smooth" }) },
    }),
  );
  const follow = () => {
    const at = track.clientWidth ? Math.round(track.scrollLeft / track.clientWidth) : 0;
    dots.forEach((dot, i) => attribute(dot, "aria-current", i === at && "true"));
  };
  track.addEventListener("scroll", follow, { passive: true });
  follow();
  return h("section", { class: "story" }, track, pages.length > 1 && h("div", { class: "story-dots" }, dots));
}
