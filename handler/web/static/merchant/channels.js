// The channels of a cover: links with their QR, codes, grants, payments.

import { newRequestId } from "../core/api.js";
import { h, icon, setText } from "../core/dom.js";
import { segments } from "../core/form.js";
import { openSheet } from "../core/sheet.js";
import { copyable, empty, iconButton, moment, panel, refill } from "../console/parts.js";
import { ask, lineField } from "../console/sheets.js";
import { saveFile } from "./files.js";
import { openQR } from "./qr.js";
import { may, wholeNumber } from "./rules.js";

const KINDS = ["link", "codes", "grant", "payment"];
const MOST = 1_000_000;
const MOST_CODES = 10_000; // at a time
const USUAL_CODES = 100;

/** The address of the page of a code. @param {string} code */
export const claimURL = (code) => `${location.origin}/c/${encodeURIComponent(code)}`;

/**
 * @param {import("./console.js").MerchantPage} page
 * @param {string} id
 * @param {string} cover
 * @param {() => number} now by the clock of the cover's side
 */
export function channelsPanel(page, id, cover, now) {
  const { texts, nav, api, merchants } = page;
  const { t } = texts;
  const list = h("ul", { class: "rows", "aria-label": t("channel.title"), data: { testid: "channels" } });
  const none = h("div", {});
  const actions = h("div", { class: "panel-actions" });
  /** @type {any[]} */
  let all = [];

  const close = (channel) =>
    ask(page, {
      title: t("channel.close_title", { name: channel.name }),
      text: t("channel.close_text"),
      go: t("channel.close"),
      danger: true,
      run: async () => {
        await api.closeChannel(id, cover, channel.id);
        await nav.refresh();
      },
    });
  const makeCodes = (channel) => {
    const left = channel.quota ? channel.quota - channel.codes : USUAL_CODES;
    const value = String(Math.max(1, Math.min(left, USUAL_CODES)));
    const count = lineField(t("channel.count"), "codes-count", { inputmode: "numeric", value });
    const submit = async () => {
      const n = wholeNumber(count.input.value, MOST_CODES);
      count.show(Number.isNaN(n) ? t("rule.codes") : "");
      if (Number.isNaN(n)) return false;
      const { codes } = await api.makeCodes(id, cover, channel.id, { request_id: newRequestId(), count: n });
      if (!codes?.length) throw new Error(t("channel.codes_lost"));
      const lines = codes.map((code) => `${code},${claimURL(code)}`);
      saveFile(["code,address", ...lines, ""].join("\r\n"), "text/csv", `codes-${channel.id}.csv`);
      await nav.refresh();
      return true;
    };
    const button = h(
      "button",
      { class: "primary wide-button", data: { testid: "codes-send" } },
      t("channel.make_codes"),
    );
    openSheet(
      page,
      t("channel.make_codes"),
      [h("p", { class: "sheet-text" }, t("channel.make_codes_text")), count.el, button],
      submit,
    );
    count.input.focus();
  };
  const row = (gives, can) => (channel) => {
    const claimed = channel.quota
      ? t("channel.claimed_of", { n: channel.claimed, quota: channel.quota })
      : t("channel.claimed", { n: channel.claimed });
    const times = [
      channel.starts_at > now() && [" · ", t("channel.starts"), " ", moment(page, channel.starts_at)],
      channel.ends_at > 0 && [" · ", t("channel.ends"), " ", moment(page, channel.ends_at)],
    ];
    return h(
      "li",
      { data: { testid: `channel-${channel.id}` } },
      h(
        "div",
        { class: "row" },
        h(
          "span",
          { class: "row-text" },
          h("strong", {}, channel.name),
          h(
            "small",
            {},
            t(`channel.${channel.kind}`),
            " · ",
            claimed,
            channel.kind === "codes" && ` · ${t("channel.codes_made", { n: channel.codes })}`,
            times,
          ),
          channel.code && !channel.closed && copyable(page, claimURL(channel.code), t("channel.link")),
        ),
        h(
          "span",
          { class: "row-side" },
          channel.closed && h("span", { class: "pill" }, t("channel.closed")),
          channel.code &&
            !channel.closed &&
            iconButton("qr", t("channel.qr"), () => openQR(page, { url: claimURL(channel.code), name: channel.name }), {
              data: { testid: `qr-${channel.id}` },
            }),
          can &&
            !channel.closed &&
            channel.kind === "codes" &&
            iconButton("download", t("channel.make_codes"), () => makeCodes(channel), {
              data: { testid: `codes-${channel.id}` },
            }),
          gives &&
            !channel.closed &&
            iconButton("close", t("channel.close"), () => close(channel), {
              class: "secondary small danger",
              "aria-label": t("channel.close_title", { name: channel.name }),
              data: { testid: `channel-close-${channel.id}` },
            }),
        ),
      ),
    );
  };
  const open = () => openForm(page, now, (body) => api.openChannel(id, cover, body));
  /** @param {any} stock @param {any} of the cover */
  const draw = (stock, of) => {
    all = stock.channels ?? [];
    const gives = may(merchants.role(id), "give_covers");
    const make = () =>
      h(
        "button",
        { class: "primary small", type: "button", data: { testid: "channel-new" }, on: { click: open } },
        icon("plus"),
        t("channel.new"),
      );
    const can = gives && of.state === "approved";
    refill(actions, can && all.length > 0 && make());
    refill(list, all.map(row(gives, can)));
    list.hidden = all.length === 0;
    refill(none, all.length === 0 && empty("qr", t("channel.none"), t("channel.none_text"), can && make()));
  };
  const el = panel(t("channel.title"), [list, none], { actions, hint: t("channel.hint") });
  return { el, draw, names: () => new Map(all.map((c) => [c.id, c.name])) };
}

// The form that opens a channel.
function openForm(page, now, make) {
  const { texts, nav, services } = page;
  const { t } = texts;
  const kind = segments(
    "kind",
    t("channel.kind"),
    KINDS.map((value) => ({ value, text: t(`channel.${value}`), testid: `kind-${value}` })),
    () => show(),
  );
  const kindText = h("p", { class: "kind-text" });
  const name = lineField(t("channel.name"), "channel-name", { maxlength: 60, placeholder: t("channel.name_hint") });
  const quota = lineField(t("channel.quota"), "channel-quota", { inputmode: "numeric" }, t("channel.quota_hint"));
  const starts = lineField(t("channel.starts"), "channel-starts", { type: "datetime-local" });
  const ends = lineField(t("channel.ends"), "channel-ends", { type: "datetime-local" });
  const show = () => setText(kindText, t(`channel.${kind.value()}_text`));
  const time = (input) => (input.value ? new Date(input.value).getTime() : 0);
  const submit = async () => {
    const said = name.input.value.trim();
    const length = Array.from(said).length;
    name.show(length === 0 ? t("rule.missing") : length > 40 ? t("rule.too_long", { max: 40 }) : "");
    const most = quota.input.value.trim() ? wholeNumber(quota.input.value, MOST) : 0;
    quota.show(Number.isNaN(most) ? t("rule.quota") : "");
    const [from, to] = [time(starts.input), time(ends.input)];
    const bad = to > 0 && to <= Math.max(from, now());
    ends.show(bad ? t("hook.range_bad") : "");
    if (length === 0 || length > 40 || Number.isNaN(most) || bad) return false;
    await make({
      request_id: newRequestId(),
      kind: kind.value(),
      name: said,
      ...(most && { quota: most }),
      ...(from && { starts_at: from }),
      ...(to && { ends_at: to }),
    });
    services.toasts.show(t("channel.opened"), "", "good");
    await nav.refresh();
    return true;
  };
  const button = h("button", { class: "primary wide-button", data: { testid: "channel-send" } }, t("channel.open"));
  openSheet(page, t("channel.new"), [kind.el, kindText, name.el, quota.el, starts.el, ends.el, button], submit);
  show();
  name.input.focus();
}
