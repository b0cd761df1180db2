// Tabs, as the ARIA Authoring Practices describe them: one of them is in the order of the Tab key, arrows, Home and End go
// from one to the next and show it.

import { h } from "./dom.js";

/**
 * @param {object} options
 * @param {string} options.label what the tabs are about
 * @param {{name: string, text: any, testid: string}[]} options.tabs
 * @param {HTMLElement} options.panel what they change
 * @param {(name: string) => void} options.changed
 */
export function tabList({ label, tabs, panel, changed }) {
  let chosen = 0;
  const move = (event) => {
    const last = tabs.length - 1;
    const rtl = getComputedStyle(el).direction === "rtl";
    const [next, previous] = rtl ? ["ArrowLeft", "ArrowRight"] : ["ArrowRight", "ArrowLeft"];
    const to = {
      [next]: chosen === last ? 0 : chosen + 1,
      [previous]: chosen === 0 ? last : chosen - 1,
      Home: 0,
      End: last,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    choose(to);
    buttons[to].focus();
  };
  const choose = (i) => {
    chosen = i;
    show();
    changed(tabs[i].name);
  };
  const buttons = tabs.map(({ text, testid }, i) =>
    h(
      "button",
      { type: "button", role: "tab", class: "tab", id: testid, data: { testid }, on: { click: () => choose(i) } },
      text,
    ),
  );
  const show = () => {
    buttons.forEach((button, i) => {
      button.setAttribute("aria-selected", String(i === chosen));
      button.tabIndex = i === chosen ? 0 : -1;
    });
    panel.setAttribute("aria-labelledby", tabs[chosen].testid);
  };
  panel.setAttribute("role", "tabpanel");
  const el = h("div", { class: "tabs", role: "tablist", "aria-label": label, on: { keydown: move } }, buttons);
  show();
  return el;
}
