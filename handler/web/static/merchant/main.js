// The console of merchants. The address may say who this is and what is shown: /merchant?user=alice&merchant=17&view=keys

import { ConsoleApp } from "../console/app.js";
import { addSymbols } from "../console/symbols.js";
import { consoleTexts } from "../console/texts.js";
import { startPage } from "../core/start.js";
import { merchantConsole } from "./console.js";
import en from "./texts-en.js";
import zh from "./texts-zh.js";

addSymbols();
startPage({
  app: (start) => new ConsoleApp(start, (api, me) => merchantConsole(api, me, start.session)),
  texts: consoleTexts({ en, zh }),
  name: "merchant.name",
  slogan: "merchant.slogan",
});
