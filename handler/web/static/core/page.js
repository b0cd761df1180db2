// What a view is given: the texts, the ways through the page, and the services. Types only.

/** @typedef {import("./texts.js").Texts} Texts */

/**
 * The ways through the page: which chat is shown, and what opens on top of it.
 * @typedef {object} Navigation
 * @property {() => string} place the chat shown, as in places.js; "" for the list
 * @property {() => string} group the group shown, or ""
 * @property {() => string} person the person shown, or ""
 * @property {(place: string) => void} go
 * @property {(envelope: string) => void} openEnvelope
 * @property {(collection: string) => void} openBill
 * @property {() => void} compose
 * @property {(cover: string) => void} sendWith an envelope with a cover; asks into which group where none is shown
 * @property {() => void} covers those that one holds
 * @property {(cover: string) => void} openCover
 * @property {() => void} send
 * @property {() => void} collect
 * @property {() => void} wallet
 * @property {() => void} topUp
 * @property {() => void} newGroup
 * @property {(group: string) => void} openGroup
 * @property {(group: string, others?: string[]) => Promise<void>} join development only
 * @property {() => void} toggleLang the page in the other language
 * @property {() => void} leave
 */

/**
 * What the page knows and can do. State is read here and changed only by actions and events.
 * @typedef {object} Services
 * @property {string} me
 * @property {boolean} dev
 * @property {import("./api.js").Api} api
 * @property {import("./changes.js").Changes} changes
 * @property {import("./toast.js").Toasts} toasts
 * @property {import("./dialogs.js").Dialogs} dialogs
 * @property {import("./drafts.js").Drafts} drafts
 * @property {import("./chats.js").Chats} chats
 * @property {import("./connection.js").Connection} connection
 * @property {import("../envelope/envelopes.js").Envelopes} envelopes
 * @property {import("../transfer/transfers.js").Transfers} transfers
 * @property {import("../collection/collections.js").Collections} collections
 * @property {import("../wallet/balances.js").Balances} balances
 * @property {import("../cover/covers.js").Covers} covers
 * @property {import("../cover/looks.js").Looks} looks
 * @property {import("../message/messages.js").Messages} messages
 * @property {import("./names.js").Names} names
 * @property {{begin: (message: import("../message/messages.js").Message) => void}} reply answers a message
 * @property {Map<string, string>} unsent what was typed and not sent, by place
 * @property {(page: Page, envelope: import("../envelope/envelopes.js").Envelope) => Part} thanks
 * @property {Actions} actions
 * @property {<T>(promise: Promise<T>) => Promise<T|undefined>} attempt shows a failure
 * @property {<T>(promise: Promise<T>) => Promise<T|undefined>} quietly for what is repeated anyway
 */

/**
 * A view that goes into another one's.
 * @typedef {{el: HTMLElement, update: (shown: boolean) => void, end: () => void}} Part
 */

/**
 * @typedef {object} Actions
 * @property {import("../message/actions.js").MessageActions} messages
 * @property {import("./groups.js").GroupActions} groups
 * @property {import("../envelope/actions.js").EnvelopeActions} envelopes
 * @property {import("../transfer/actions.js").TransferActions} transfers
 * @property {import("../collection/actions.js").CollectionActions} collections
 * @property {import("../wallet/actions.js").WalletActions} wallet
 * @property {import("../cover/actions.js").CoverActions} covers
 */

/** @typedef {{texts: Texts, nav: Navigation, services: Services}} Page */

/**
 * What every page has, and what forms and buttons need.
 * @typedef {object} Ground
 * @property {Texts} texts
 * @property {Pick<Services, "toasts"|"dialogs"|"drafts">} services
 */

export {};
