// What the server computes, as TestPageIsCheckedAgainstThisServer writes it.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

export const server = JSON.parse(readFileSync(new URL("../testdata/server.json", import.meta.url), "utf8"));

/** The SHA-256 of numbers in decimal, with commas between. @param {(number|bigint)[]} numbers */
export const digest = (numbers) => createHash("sha256").update(numbers.join(",")).digest("hex");
