/**
 * A name that nothing declares, and what was probably meant.
 */
import { quoted } from "../../services/peer-text.js";
import { mistake } from "../mistakes.js";
import { FULL_NAME, type SchemaSource } from "../schema-source.js";
import { suggestion, type UsageError } from "../usage-error.js";
import { DeclaredNames } from "./declared.js";

/** The error for `name`, with the nearest of what the source has. `what` is what was wanted. */
export async function unknownName(what: "service" | "symbol", name: string, source: SchemaSource): Promise<UsageError> {
  const services = (await source.serviceNames()).filter((one) => FULL_NAME.test(one));
  const hint =
    nearestOf(name, services) ??
    (what === "symbol" ? nearestOf(name, await namesAround(name, source, services)) : undefined);
  const known = services.slice(0, 8).join(", ");
  const rest =
    services.length === 0
      ? "; there are no services at all"
      : `; there ${services.length === 1 ? "is" : "are"} ${known}${services.length > 8 ? ", …" : ""}`;
  return mistake(`there is no ${what} ${quoted(name)}${hint ?? rest}`);
}

/** The names that are declared along with the services, where there are few enough of those to look. */
async function namesAround(name: string, source: SchemaSource, services: readonly string[]): Promise<string[]> {
  const names = new Set<string>();
  for (const service of services.slice(0, 20)) {
    const schema = await source.schemaOf(service);
    if (schema !== undefined) for (const one of new DeclaredNames(schema.descriptors).names) names.add(one);
  }
  return [...names].filter((one) => FULL_NAME.test(one) && Math.abs(one.length - name.length) < 64);
}

/** `; did you mean x?`, for a slip or a name without its package. */
export function nearestOf(name: string, known: readonly string[]): string | undefined {
  const wanted = name.toLowerCase();
  const whole = known.find((one) => one.toLowerCase() === wanted || one.toLowerCase().endsWith(`.${wanted}`));
  if (whole !== undefined) return `; did you mean ${whole}?`;
  const hint = suggestion(name, known);
  if (hint !== "") return hint;
  const byLastWord = new Map(known.map((one) => [one.slice(one.lastIndexOf(".") + 1), one]));
  const last = name.slice(name.lastIndexOf(".") + 1);
  const near = suggestion(last, [...byLastWord.keys()]).replace(/^; did you mean (.*)\?$/, "$1");
  return near === "" ? undefined : `; did you mean ${byLastWord.get(near) ?? near}?`;
}
