// The page of a code: /c/{code}. It shows the cover that the code is for; one claims it by one tap.

import { consoleTexts } from "../console/texts.js";
import { addSymbols } from "../console/symbols.js";
import { startPage } from "../core/start.js";
import { Claim } from "./claim.js";
import en from "./texts-en.js";
import zh from "./texts-zh.js";

addSymbols();
startPage({
  app: (start) => new Claim(start),
  texts: consoleTexts({ en, zh }),
  name: "claim.name",
  slogan: "claim.slogan",
});
