/**
 * Writes the gallery of errors, `docs/errors.md`: `npm run errors`, after what an error says has changed.
 */
import { writeFileSync } from "node:fs";
import { errorsPage, PAGE } from "./support/error-gallery.js";
import { root } from "./support/ledger.js";

writeFileSync(new URL(PAGE, root), await errorsPage());
