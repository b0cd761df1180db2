// What somebody chose for this browser: the colours of the page, and whether a packet that opens may be heard and felt.

const STORAGE_KEY = "hongbao.preferences";

/** @typedef {{look: "auto"|"light"|"dark", sound: boolean}} Choices */

/** @type {Choices} */
const USUAL = { look: "auto", sound: false };

/** The choices as they stand. Whatever is stored and is not one of them counts as the usual. */
export function preferences() {
  try {
    const kept = JSON.parse(localStorage.getItem(STORAGE_KEY) ?? "{}");
    return { look: ["light", "dark"].includes(kept.look) ? kept.look : USUAL.look, sound: kept.sound === true };
  } catch {
    return USUAL; // storage is forbidden, or holds something else
  }
}

/** Makes choices, from now on and for the next visit. @param {Partial<Choices>} choices */
export function prefer(choices) {
  const all = { ...preferences(), ...choices };
  try {
    localStorage.setItem(STORAGE_KEY, JSON.stringify(all));
  } catch {
    // Then a choice lasts as long as the page.
  }
  applyLook(all.look);
}

/** Shows the page in the colours that were chosen. */
export function applyLook(look = preferences().look) {
  if (look === "auto") delete document.documentElement.dataset.look;
  else document.documentElement.dataset.look = look;
}
