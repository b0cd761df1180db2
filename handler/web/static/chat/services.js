// Puts together what the page knows and can do for one person.

import { Api } from "../core/api.js";
import { Changes } from "../core/changes.js";
import { Chats } from "../core/chats.js";
import { freshness } from "../core/clock.js";
import { Dialogs } from "../core/dialogs.js";
import { Drafts } from "../core/drafts.js";
import { Names } from "../core/names.js";
import { MessageActions } from "../message/actions.js";
import { Messages } from "../message/messages.js";
import { thanksView } from "../message/thanks.js";
import { Connection } from "../core/connection.js";
import { GroupActions } from "../core/groups.js";
import { CollectionActions } from "../collection/actions.js";
import { Collections } from "../collection/collections.js";
import { CoverActions } from "../cover/actions.js";
import { Covers } from "../cover/covers.js";
import { EnvelopeActions } from "../envelope/actions.js";
import { Envelopes } from "../envelope/envelopes.js";
import { TransferActions } from "../transfer/actions.js";
import { Transfers } from "../transfer/transfers.js";
import { WalletActions } from "../wallet/actions.js";
import { Balances } from "../wallet/balances.js";

/**
 * @param {import("../core/session.js").Session} session
 * @param {() => Promise<boolean>} renew gets a new token; false where that is impossible
 * @param {import("../envelope/actions.js").QuickGrab} grab
 */
export function makeServices(session, renew, grab) {
  const me = session.user;
  const api = new Api(() => session.token, renew);
  const now = () => api.now();
  const fresh = freshness(now);
  const changes = new Changes();
  const chats = new Chats(changes);
  const connection = new Connection(changes);
  const dialogs = new Dialogs();
  const drafts = new Drafts();
  const balances = new Balances(changes);
  const envelopes = new Envelopes(me, now, fresh, changes);
  const transfers = new Transfers(me, now, changes);
  const collections = new Collections(me, now, changes);
  const covers = new Covers(changes);
  const messages = new Messages(me, changes);
  const names = new Names(changes);
  const wallet = new WalletActions(api, balances);
  const actions = {
    wallet,
    messages: new MessageActions(me, api, messages, names),
    groups: new GroupActions(me, api, chats),
    envelopes: new EnvelopeActions(me, api, grab, envelopes, wallet),
    transfers: new TransferActions(api, transfers, balances, wallet),
    collections: new CollectionActions(me, api, collections, wallet),
    covers: new CoverActions(api, covers),
  };
  return {
    me,
    dev: session.dev,
    api,
    changes,
    chats,
    connection,
    dialogs,
    drafts,
    balances,
    envelopes,
    transfers,
    collections,
    covers,
    messages,
    names,
    reply: { begin: () => {} },
    unsent: new Map(),
    thanks: thanksView,
    actions,
    fresh,
  };
}
