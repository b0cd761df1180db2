// The page of a code: /c/{code}. It shows what the code is for, and claims it.

import { startPage } from "../core/start.js";
import { codeIn } from "../cover/rules.js";
import { coverTexts } from "../cover/texts.js";
import { Claim } from "./claim.js";

startPage({
  app: (start) => new Claim(start, codeIn(location.pathname)),
  texts: coverTexts,
  name: "claim.name",
  slogan: "claim.slogan",
});
