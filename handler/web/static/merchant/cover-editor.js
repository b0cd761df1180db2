// The editor of a cover, with what people will see beside it.

import { newRequestId } from "../core/api.js";
import { fill, h, icon, setText } from "../core/dom.js";
import { doButton } from "../core/item.js";
import { field } from "../core/sheet.js";
import { art, blankDesign, contrast, coverPreview } from "../console/cover.js";
import { findingsList } from "../console/history.js";
import { backLink, iconButton, panel, refill, viewHead } from "../console/parts.js";
import { lineField } from "../console/sheets.js";
import { checkDesign } from "./rules.js";
import { testNote } from "./side.js";

const IMAGES = ["face", "opened", "pendant"];
const PAGES = 3; // of a story
const TYPES = "image/png,image/jpeg,image/webp";
const CONTRAST = 2; // of seal and envelope, below which they run together

/** @param {import("./console.js").MerchantPage} page */
export function coverEditorView(page) {
  const { texts, nav, services, api } = page;
  const { t } = texts;
  const { merchant: id, item, mode } = nav.place();
  let design = blankDesign();
  let isRead = item === "";
  let isSaved = true;
  const preview = coverPreview(page);
  const review = h("div", {});

  const changed = () => {
    isSaved = false;
    design = { ...design, name: name.input.value.trim(), greeting: greeting.input.value.trim() };
    design = { ...design, colour: colour.input.value, accent: accent.input.value };
    const ratio = contrast(design.colour, design.accent);
    setText(hint, ratio < CONTRAST ? t("editor.contrast", { ratio: ratio.toFixed(1) }) : "");
    preview.show(design);
  };
  const line = (label, testid, text, max) => {
    const made = lineField(label, testid, { maxlength: max * 2 }, text);
    made.input.addEventListener("input", changed);
    return made;
  };
  const name = line(t("cover.name"), "cover-name", t("editor.name_hint"), 16);
  const greeting = line(t("cover.greeting"), "cover-greeting", t("editor.greeting_hint"), 30);
  const colourField = (label, testid, value) =>
    field(label, h("input", { type: "color", value, data: { testid }, on: { input: changed } }));
  const colour = colourField(t("cover.colour"), "cover-colour", design.colour);
  const accent = colourField(t("cover.accent"), "cover-accent", design.accent);
  const hint = h("p", { class: "field-hint", role: "status" });

  const images = IMAGES.map((of) =>
    imageField(page, { id, mode, label: t(`cover.${of}`), testid: of }, (hash) => {
      design = { ...design, [of]: hash };
      changed();
    }),
  );
  const story = h("div", {});
  const setPage = (n, change) => {
    design = { ...design, story: design.story.map((one, i) => (i === n ? { ...one, ...change } : one)) };
    changed();
  };
  const drawStory = () =>
    refill(
      story,
      design.story.map((one, n) => {
        const label = t("editor.page", { n: n + 1 });
        const image = imageField(page, { id, mode, label, testid: `story-${n}` }, (hash) =>
          setPage(n, { image: hash }),
        );
        image.show(one.image);
        const text = lineField(t("editor.page_text"), `story-text-${n}`, { maxlength: 400, value: one.text });
        text.input.addEventListener("input", () => setPage(n, { text: text.input.value.trim() }));
        const remove = () => {
          design = { ...design, story: design.story.filter((_, i) => i !== n) };
          changed();
          drawStory();
        };
        const drop = iconButton("trash", t("editor.remove"), remove, {
          class: "secondary small danger",
          "aria-label": `${t("editor.remove")}: ${label}`,
          data: { testid: `story-remove-${n}` },
        });
        return h("div", { class: "story-page" }, image.el, text.el, drop);
      }),
      design.story.length < PAGES &&
        iconButton(
          "plus",
          t("editor.add_page"),
          () => {
            design = { ...design, story: [...design.story, { image: "", text: "" }] };
            changed();
            drawStory();
          },
          { data: { testid: "story-add" } },
        ),
    );
  drawStory();

  const save = async () => {
    const wrong = checkDesign(design);
    for (const [of, { show }] of Object.entries({ name, greeting })) show(wrong[of] ? t(wrong[of].key, wrong[of]) : "");
    if (wrong.name) return name.input.focus();
    if (wrong.greeting) return greeting.input.focus();
    const tidy = { ...design, story: design.story.filter((one) => one.image || one.text) };
    const body = { request_id: newRequestId(), design: tidy };
    const made = item ? await api.changeCover(id, item, "edit", body) : await api.createCover(id, { ...body, mode });
    isSaved = true;
    services.toasts.show(t("editor.saved"), "", "good");
    nav.go({ view: "cover", item: made.id }, true);
  };
  const button = () =>
    doButton(page, { class: "primary small", data: { testid: "cover-save" } }, t("editor.save"), save);

  const refresh = async () => {
    if (isRead) return; // what is typed stays as it is
    const cover = await api.cover(id, item);
    isRead = true;
    design = { ...blankDesign(), ...cover.design, story: cover.design.story ?? [] };
    [name.input.value, greeting.input.value] = [design.name, design.greeting];
    [colour.input.value, accent.input.value] = [design.colour, design.accent];
    IMAGES.forEach((of, i) => images[i].show(design[of]));
    drawStory();
    changed();
    isSaved = true;
    const findings = cover.findings ?? [];
    fill(
      review,
      cover.state === "rejected" &&
        h(
          "div",
          { class: "banner banner-bad" },
          icon("flag"),
          h(
            "div",
            {},
            h("strong", {}, t("cover.review")),
            h("p", {}, cover.reason),
            findings.length > 0 && findingsList(page, findings),
          ),
        ),
    );
  };
  const leaving = (event) => {
    if (!isSaved) event.preventDefault();
  };
  addEventListener("beforeunload", leaving);
  changed();
  isSaved = true;
  const title = t(item ? "editor.edit" : "editor.new");
  const back = item
    ? backLink(page, { view: "cover", item }, t("nav.cover"))
    : backLink(page, { view: "covers" }, t("nav.covers"));
  const el = h(
    "div",
    { class: "view" },
    viewHead(title, { lead: t("editor.lead"), before: back, actions: button() }),
    testNote(page),
    review,
    h(
      "div",
      { class: "editor" },
      h(
        "div",
        {},
        panel(
          t("editor.images"),
          h(
            "div",
            { class: "panel-body" },
            h(
              "div",
              {},
              images.map((one) => one.el),
            ),
          ),
          { hint: t("editor.image_hint") },
        ),
        panel(
          t("editor.words"),
          h(
            "div",
            { class: "panel-body" },
            name.el,
            greeting.el,
            h("div", { class: "colours" }, colour.el, accent.el),
            hint,
          ),
        ),
        panel(t("cover.story"), h("div", { class: "panel-body" }, story), { hint: t("editor.story_hint") }),
      ),
      h("div", { class: "sticky" }, panel(t("cover.preview"), preview.el)),
    ),
  );
  return { el, title, refresh, end: () => removeEventListener("beforeunload", leaving) };
}

/**
 * An image that is uploaded as soon as it is chosen.
 * @param {import("./console.js").MerchantPage} page
 * @param {{id: string, mode: string, label: string, testid: string}} of
 * @param {(hash: string) => void} changed
 */
function imageField(page, { id, mode, label, testid }, changed) {
  const { texts, services, api } = page;
  const { t } = texts;
  const place = h("span", { class: "image-place" });
  const words = h("span", {});
  const input = h("input", { type: "file", accept: TYPES, "aria-label": label, data: { testid: `image-${testid}` } });
  const choose = h("label", { class: "secondary small file" }, icon("image"), words, input);
  const remove = iconButton("close", t("editor.remove"), () => take(""), {
    "aria-label": `${t("editor.remove")}: ${label}`,
    data: { testid: `image-remove-${testid}` },
  });
  const show = (hash) => {
    fill(place, art(page, hash, "small") ?? icon("image"));
    place.dataset.hash = hash;
    setText(words, t(hash ? "editor.replace" : "editor.choose"));
    remove.hidden = !hash;
  };
  const take = (hash) => {
    show(hash);
    changed(hash);
  };
  input.addEventListener("change", async () => {
    const file = input.files?.[0];
    if (!file) return;
    setText(words, t("editor.uploading"));
    input.disabled = true;
    const image = await services.attempt(api.upload(id, mode, file));
    input.disabled = false;
    input.value = "";
    if (image) take(image.hash);
    else show(place.dataset.hash ?? "");
  });
  show("");
  const el = h(
    "div",
    { class: "image-field" },
    place,
    h("div", { class: "image-text" }, h("strong", {}, label), h("div", { class: "image-buttons" }, choose, remove)),
  );
  return { el, show };
}
