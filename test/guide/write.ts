/**
 * Writes what is made in the pages of `docs/`: `npm run guide`, after what is on the wire, a table that is drawn, or the line of a
 * function has changed.
 */
import { writeFileSync } from "node:fs";
import { root } from "../support/ledger.js";
import { filled, GUIDE, linked, makeAll, pages, readPage } from "./pages.js";

const made = await makeAll();
for (const page of pages()) {
  const text = readPage(page);
  const withBlocks = filled(page, text, made);
  const now = page.startsWith(GUIDE) ? linked(page, withBlocks) : withBlocks;
  if (now === text) continue;
  writeFileSync(new URL(page, root), now);
  process.stdout.write(`wrote ${page}\n`);
}
