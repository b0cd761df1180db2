// One webhook: how it stands, what signs for it, and what was sent to it.

import { newRequestId } from "../core/api.js";
import { h, icon } from "../core/dom.js";
import { doButton } from "../core/item.js";
import { openSheet } from "../core/sheet.js";
import { pagedList } from "../console/list.js";
import {
  backLink,
  copyable,
  empty,
  facts,
  iconButton,
  moment,
  panel,
  pill,
  refill,
  viewHead,
} from "../console/parts.js";
import { ask, lineField, showSecret } from "../console/sheets.js";
import { openAttempts } from "./attempts.js";
import { testNote } from "./side.js";
import { openWebhookForm } from "./webhook-form.js";

const STATES = ["", "due", "delivered", "dead"];
const FOLLOW_MS = [500, 1500, 3500, 7000]; // a delivery is attempted within moments

/** @param {import("./console.js").MerchantPage} page */
export function webhookView(page) {
  const { texts, nav, services, api } = page;
  const { t } = texts;
  const { merchant: id, item, mode } = nav.place();
  const top = h("div", { class: "view" });
  let state = "";

  const test = async () => {
    await api.testWebhook(id, item, { mode, request_id: newRequestId() });
    services.toasts.show(t("hook.tested"), "", "good");
    await nav.refresh();
    nav.follow(...FOLLOW_MS);
  };
  const replay = async (body) => {
    const { deliveries: n } = await api.replay(id, item, { mode, ...body });
    services.toasts.show(t("hook.replayed", { n }), "", "good");
    await nav.refresh();
    nav.follow(...FOLLOW_MS);
  };
  const set = async (verb) => {
    await api.setWebhook(id, item, verb, mode);
    await nav.refresh();
  };
  const roll = () =>
    ask(page, {
      title: t("hook.roll"),
      text: t("hook.roll_text"),
      go: t("hook.roll"),
      run: async () => {
        const hook = await api.rollWebhook(id, item, { mode, request_id: newRequestId() });
        const secret = hook.keys[0]?.secret ?? "";
        showSecret(page, { title: t("hook.rolled"), text: t("hook.made_text"), secret, lost: t("hook.lost") });
        await nav.refresh();
      },
    });
  const disable = () =>
    ask(page, {
      title: t("hook.disable"),
      text: t("hook.disable_text"),
      go: t("hook.disable"),
      danger: true,
      run: () => set("disable"),
    });
  const edit = async (hook) => {
    const { types } = await api.webhooks(id, mode);
    openWebhookForm(
      page,
      { title: t("hook.edit"), types: types ?? [], isNew: false, url: hook.url, subscribed: hook.types },
      async (body) => {
        await api.updateWebhook(id, item, { mode, ...body });
        await nav.refresh();
      },
    );
  };
  const range = () => openRange(page, replay);

  const row = (delivery) => {
    const open = () =>
      openAttempts(page, { id, mode, hook: item, delivery }, () => replay({ event_id: delivery.event_id }));
    const next = delivery.next_at > 0 && [t("delivery.next"), " ", moment(page, delivery.next_at, true)];
    return h(
      "li",
      {},
      h(
        "button",
        { class: "row", type: "button", data: { testid: `delivery-${delivery.event_id}` }, on: { click: open } },
        h(
          "span",
          { class: "row-text" },
          h("strong", { class: "code" }, delivery.type),
          h("small", {}, t("delivery.attempts", { n: delivery.attempts }), next && [" · ", next]),
        ),
        h(
          "span",
          { class: "row-side" },
          delivery.status > 0 && h("span", { class: "tag code" }, String(delivery.status)),
          pill(page, delivery.state),
          icon("chevron"),
        ),
      ),
    );
  };
  const deliveries = pagedList(page, {
    read: async (cursor) => {
      const { deliveries: items, next_cursor: next } = await api.deliveries(id, mode, item, state, cursor);
      return { items: items ?? [], next };
    },
    row,
    nothing: () => empty("send", t("delivery.none"), t("delivery.none_text")),
    label: t("delivery.title"),
    testid: "deliveries",
  });
  const filter = h(
    "select",
    {
      "aria-label": t("delivery.filter"),
      data: { testid: "filter-deliveries" },
      on: { change: () => ((state = filter.value), services.attempt(deliveries.refresh())) },
    },
    STATES.map((one) => h("option", { value: one }, t(one ? `state.${one}` : "delivery.any"))),
  );

  const draw = (hook) => {
    const isOver = hook.state === "disabled";
    const paused = hook.state === "paused";
    refill(
      top,
      viewHead(hostOf(hook.url), {
        before: backLink(page, { view: "webhooks" }, t("nav.webhooks")),
        actions: [
          pill(page, hook.state),
          !isOver &&
            doButton(
              page,
              { class: "primary small", data: { testid: "hook-test" } },
              [icon("send"), t("hook.test")],
              test,
            ),
        ],
      }),
      testNote(page),
      hook.reason &&
        h(
          "div",
          { class: "banner banner-bad" },
          icon("close"),
          h("div", {}, h("strong", {}, t("hook.disabled")), h("p", {}, t(`hook.reason_${hook.reason}`))),
        ),
      hook.failing_since > 0 &&
        !isOver &&
        h(
          "div",
          { class: "banner banner-wait" },
          icon("events"),
          h(
            "div",
            {},
            h("strong", {}, t("hook.failing_since"), " ", moment(page, hook.failing_since)),
            h("p", {}, t("hook.failing_text")),
          ),
        ),
      panel(t("hook.settings"), [
        facts([
          [t("hook.url"), h("span", { class: "code long", data: { testid: "hook-address" } }, hook.url)],
          [
            t("hook.types"),
            h(
              "span",
              { class: "tags" },
              hook.types.map((type) => h("span", { class: "tag" }, type === "*" ? t("hook.all_types") : type)),
            ),
          ],
          [t("hook.signs"), hook.asymmetric ? "v1 HMAC-SHA256, v1a Ed25519" : "v1 HMAC-SHA256"],
          [
            t("hook.secrets"),
            h(
              "span",
              { class: "tags" },
              hook.keys.map((key) => secretTag(page, key)),
            ),
          ],
          [t("facts.since"), moment(page, hook.created_at)],
          [t("facts.id"), copyable(page, hook.id, t("facts.id"))],
          ...hook.keys
            .filter((key) => key.public_key)
            .map((key) => [
              t("hook.public", { n: key.number }),
              copyable(page, key.public_key, t("hook.public", { n: key.number })),
            ]),
        ]),
        !isOver &&
          h(
            "div",
            { class: "choices" },
            iconButton("edit", t("hook.edit"), () => services.attempt(edit(hook)), { data: { testid: "hook-edit" } }),
            doButton(
              page,
              { class: "secondary small", data: { testid: paused ? "hook-resume" : "hook-pause" } },
              [icon(paused ? "play" : "pause"), t(paused ? "hook.resume" : "hook.pause")],
              () => set(paused ? "resume" : "pause"),
            ),
            iconButton("roll", t("hook.roll"), roll, { data: { testid: "hook-roll" } }),
            iconButton("return", t("hook.range"), range, { data: { testid: "hook-range" } }),
            iconButton("trash", t("hook.disable"), disable, {
              class: "secondary small danger",
              data: { testid: "hook-disable" },
            }),
          ),
      ]),
    );
  };
  const refresh = async () => {
    const [hook] = await Promise.all([api.webhook(id, mode, item), deliveries.refresh()]);
    draw(hook);
  };
  const title = t("nav.webhook");
  const el = h(
    "div",
    { class: "view" },
    top,
    panel(t("delivery.title"), deliveries.el, { actions: filter, hint: t("delivery.hint") }),
  );
  return { el, title, refresh };
}

function secretTag(page, key) {
  const { t } = page.texts;
  const until = key.until > 0 && [" · ", t("hook.secret_until"), " ", moment(page, key.until)];
  return h("span", { class: "tag" }, t("hook.secret_n", { n: key.number }), until);
}

function hostOf(url) {
  return URL.canParse(url) ? new URL(url).host : url;
}

// Replays what happened in a time.
function openRange(page, replay) {
  const { t } = page.texts;
  const day = 24 * 60 * 60_000;
  const local = (ms) => new Date(ms - new Date(ms).getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
  const now = page.api.now();
  const from = lineField(t("export.from"), "range-from", { type: "datetime-local", value: local(now - day) });
  const to = lineField(t("export.to"), "range-to", { type: "datetime-local", value: local(now + 60_000) });
  const submit = async () => {
    const range = { from: new Date(from.input.value).getTime(), to: new Date(to.input.value).getTime() };
    const bad = !(range.from < range.to);
    to.show(bad ? t("hook.range_bad") : "");
    if (bad) return false;
    await replay(range);
    return true;
  };
  const button = h("button", { class: "primary wide-button", data: { testid: "range-send" } }, t("hook.range_go"));
  openSheet(
    page,
    t("hook.range"),
    [h("p", { class: "sheet-text" }, t("hook.range_text")), from.el, to.el, button],
    submit,
  );
}
