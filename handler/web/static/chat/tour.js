// The tour, for development alone: a group with three members who talk, grab, thank and send, so that one window shows
// everything. They act from this page, each with a token of their own, for as long as it is open.

import { Api, devToken, newRequestId } from "../core/api.js";
import { ofKind } from "../core/changes.js";
import { groupPlace } from "../core/places.js";

const MEMBERS = ["bob", "carol", "xiaoming"];
const WORTH = 100_000; // minor units that each has to spend
const GIFT = 888; // minor units, a share for each in the group
const SOONEST_MS = 700; // a person takes a moment
const SPREAD_MS = 2200;
const ENVELOPES = 30; // that they take part in, at most

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** @param {import("../core/page.js").Page} page */
export async function startTour(page) {
  const { texts, nav, services } = page;
  const { t } = texts;
  const { me, changes, envelopes, quietly } = services;
  const group = `tour-${me}`.slice(0, 64);
  const others = MEMBERS.filter((id) => id !== me);
  await nav.join(group, others);
  await services.actions.messages.nameGroup(group, t("tour.name"));
  const actors = await Promise.all(others.map((id) => actor(id)));
  const post = (who, path, body) => who.api.post(path, { request_id: newRequestId(), ...body });
  const say = (who, text, about) => post(who, "/v1/messages", { group_id: group, text, ...(about && { about }) });
  const met = new Set();

  // Whoever of them may takes a share, one after the other; some give thanks.
  const grab = async (envelope) => {
    for (const who of actors.toSorted(() => Math.random() - 0.5)) {
      await pause(SOONEST_MS + Math.random() * SPREAD_MS);
      if (!services.chats.group(group)) return;
      if (envelope.kind === "exclusive" && envelope.to !== who.id) continue;
      if (envelope.sender === who.id && envelope.kind === "equal") continue;
      const answer = await who.api.grab(envelope.id);
      if (answer.outcome === "won" && Math.random() < 0.6) await say(who, t("thanks.boss"), envelope.id);
    }
  };
  changes.watch(ofKind("envelope"), (happened) => {
    for (const { id } of happened) {
      const envelope = envelopes.get(id);
      if (!envelope || envelope.group !== group || met.has(id) || met.size >= ENVELOPES) continue;
      met.add(id);
      if (envelopes.state(envelope) === "open") quietly(grab(envelope));
    }
  });

  const [first, second] = actors;
  await say(first, t("tour.hello"));
  await pause(SOONEST_MS);
  const gift = { group_id: group, kind: "lucky", currency: "CNY", greeting: "", total: GIFT };
  await post(first, "/v1/envelopes", { ...gift, count: actors.length + 1 });
  await pause(SOONEST_MS);
  await say(second, t("tour.invite"));
  return groupPlace(group);
}

/** Somebody with a token and something to spend. @param {string} id */
async function actor(id) {
  let token = await devToken(id, ["user"]);
  const renew = async () => {
    token = await devToken(id, ["user"]);
    return true;
  };
  const api = new Api(() => token, renew);
  await api.topUp({ request_id: newRequestId(), amount: WORTH, currency: "CNY" });
  return { id, api };
}
