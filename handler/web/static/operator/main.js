// The console of operators. One signs in with a token of scope operator, which no page can make.

import { ConsoleApp } from "../console/app.js";
import { addSymbols } from "../console/symbols.js";
import { consoleTexts } from "../console/texts.js";
import { startPage } from "../core/start.js";
import { operatorConsole } from "./console.js";
import en from "./texts-en.js";
import zh from "./texts-zh.js";

addSymbols();
startPage({
  app: (start) => new ConsoleApp(start, operatorConsole),
  scope: "operator",
  texts: consoleTexts({ en, zh }),
  name: "operator.name",
  slogan: "operator.slogan",
  hint: "operator.token_hint",
});
