// What the page does with the API about groups.

import { devToken, Directory, Problem } from "./api.js";

export class GroupActions {
  #me;
  #api;
  #chats;

  /** @param {string} me @param {import("./api.js").Api} api @param {import("./chats.js").Chats} chats */
  constructor(me, api, chats) {
    this.#me = me;
    this.#api = api;
    this.#chats = chats;
  }

  /** Reads the groups one is in. Returns those that are new and those that are gone. */
  async list() {
    const { group_ids: ids } = await this.#api.groups();
    return this.#chats.setGroups(ids ?? []);
  }

  /** Reads who is in a group. @param {string} group */
  async members(group) {
    const { members } = await this.#api.members(group);
    this.#chats.setMembers(group, members ?? []);
  }

  /**
   * Development only: makes a group of oneself and others, or joins it together with them where it exists.
   * @param {string} group
   * @param {string[]} others
   */
  async start(group, others) {
    const directory = new Directory(await devToken(this.#me, ["service"]));
    const members = [...new Set([this.#me, ...others])];
    try {
      await directory.create(group, members);
    } catch (problem) {
      if (!(problem instanceof Problem) || problem.code !== "group_exists") throw problem;
      for (const user of members) await directory.add(group, user);
    }
    await this.list();
  }
}
