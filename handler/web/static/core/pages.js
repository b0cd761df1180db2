// A list of the API that is read page by page, newest first.

/**
 * @template {{next_cursor?: string}} Page
 */
export class Pages {
  #read;
  #cursor = "";
  #isStarted = false;
  /** @type {Promise<Page|null>|null} */
  #reading = null;

  /** @param {(cursor: string) => Promise<Page>} read reads the page at a cursor; the first is at "" */
  constructor(read) {
    this.#read = read;
  }

  /** Whether there is a page that was not read yet, as far as is known. */
  get hasMore() {
    return this.#isStarted && this.#cursor !== "";
  }

  /** Reads the newest page, again if need be. */
  async newest() {
    const page = await this.#read("");
    if (!this.#isStarted) this.#took(page);
    return page;
  }

  /** Reads the next page; null after the last. Calls that come together share one. */
  next() {
    if (this.#isStarted && !this.hasMore) return Promise.resolve(null);
    this.#reading ??= this.#read(this.#cursor)
      .then((page) => this.#took(page))
      .finally(() => {
        this.#reading = null;
      });
    return this.#reading;
  }

  /** @param {Page} page */
  #took(page) {
    this.#isStarted = true;
    this.#cursor = page.next_cursor ?? "";
    return page;
  }
}
