// Keeps the chat page for when there is no network: the page itself, its script and style sheet, its icon, and what
// the installation is. Nothing else passes through here, so no answer of the API and no token is ever kept.

const PAGE = "/";
const SHELL = "shell"; // the cache
const BESIDE = ["/config.json", "/icon.svg", "/manifest.webmanifest"]; // what the page asks for by itself
const PARTS = /"(\/b\/[0-9a-f]+\.(?:js|css))"/g; // as the page names them; what is at such an address never changes

const worker = /** @type {any} */ (self); // its types exclude those of a page, which everything else here needs

worker.addEventListener("install", (event) => {
  event.waitUntil(Promise.all([renew(), ...BESIDE.map((path) => fresh(path))]).then(() => worker.skipWaiting()));
});

worker.addEventListener("activate", (event) => event.waitUntil(worker.clients.claim()));

worker.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== location.origin) return;
  if (request.mode === "navigate" && pathname === PAGE) event.respondWith(page(event));
  else if (pathname.startsWith("/b/")) event.respondWith(kept(pathname, request));
  else if (BESIDE.includes(pathname)) event.respondWith(fresh(pathname));
});

/** The newest page: a new version is seen at once. Without a network, the one that was kept. */
async function page(event) {
  let answer;
  try {
    answer = await fetch(event.request);
  } catch (problem) {
    const old = await (await caches.open(SHELL)).match(PAGE);
    if (old) return old;
    throw problem;
  }
  if (answer.ok) event.waitUntil(keep(answer.clone()).catch(() => {})); // it is kept at the next visit
  return answer;
}

async function renew() {
  const answer = await fetch(PAGE, { cache: "no-cache" });
  if (!answer.ok) throw new Error(`the page: HTTP ${answer.status}`);
  await keep(answer);
}

/** Keeps a page once everything that it names is there, and forgets what the page before it named. */
async function keep(answer) {
  const cache = await caches.open(SHELL);
  const parts = Array.from((await answer.clone().text()).matchAll(PARTS), (match) => match[1]);
  await Promise.all(parts.map(async (part) => (await cache.match(part)) ?? cache.add(part)));
  await cache.put(PAGE, answer);
  for (const { url } of await cache.keys()) {
    const { pathname } = new URL(url);
    if (pathname.startsWith("/b/") && !parts.includes(pathname)) await cache.delete(pathname);
  }
}

async function kept(path, request) {
  return (await (await caches.open(SHELL)).match(path)) ?? fetch(request);
}

/** What is there now, which is also kept; without a network, what was kept. */
async function fresh(path) {
  const cache = await caches.open(SHELL);
  try {
    const answer = await fetch(path, { cache: "no-cache" });
    if (answer.ok) await cache.put(path, answer.clone());
    return answer;
  } catch (problem) {
    const old = await cache.match(path);
    if (old) return old;
    throw problem;
  }
}
