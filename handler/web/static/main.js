// The chat page. The address may say who this is and which chat is shown: /?user=alice&group=family, or
// /?user=alice&with=bob

import { App } from "./chat/app.js";
import { startPage } from "./core/start.js";
import { coverTexts } from "./cover/texts.js";

startPage({ app: (start) => new App(start), texts: coverTexts });

// Only over HTTPS and on this machine; elsewhere the page does without.
navigator.serviceWorker?.register("/worker.js", { updateViaCache: "none" }).catch(() => {});
