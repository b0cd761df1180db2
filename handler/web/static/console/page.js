// What a view of a console is given, and what it is. Types only.

/** @typedef {import("./places.js").Place} Place */

/**
 * @typedef {object} Navigation
 * @property {() => Place} place
 * @property {(change: Partial<Place>) => string} href the address of another place
 * @property {(change: Partial<Place>, replace?: boolean) => void} go
 * @property {() => Promise<void>} refresh reads what is shown again
 * @property {(...pauses: number[]) => void} follow refreshes after pauses, in ms: what was begun ends within moments
 * @property {() => void} toggleLang
 * @property {() => void} leave
 */

/**
 * @typedef {object} Services
 * @property {string} me
 * @property {boolean} dev
 * @property {import("../core/api.js").Api} api
 * @property {import("./cover.js").Images} images
 * @property {import("../core/toast.js").Toasts} toasts
 * @property {import("../core/dialogs.js").Dialogs} dialogs
 * @property {import("../core/drafts.js").Drafts} drafts
 * @property {<T>(promise: Promise<T>) => Promise<T|undefined>} attempt shows a failure
 */

/** @typedef {{texts: import("../core/texts.js").Texts, nav: Navigation, services: Services}} Page */

/** @typedef {{el: HTMLElement, title: string, refresh: () => Promise<any>, end?: () => void}} View */

/**
 * A section of the side: where it leads, and the views that belong to it.
 * @typedef {{view: string, icon: string, label: string, shown?: boolean, badge?: number, also?: string[]}} Section
 */

export {};
