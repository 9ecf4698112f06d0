/**
 * Writes the matrix of `docs/features.md`: `npm run features`, after rules, tests or features have changed.
 */
import { writeFileSync } from "node:fs";
import { featuresPage, PAGE } from "./support/feature-matrix.js";
import { readLedger, root } from "./support/ledger.js";

writeFileSync(new URL(PAGE, root), await featuresPage(readLedger()));
