/**
 * A name that nothing declares, and what was probably meant.
 */
import { nearestFullName } from "../../codec/nearest-name.js";
import { quoted } from "../../services/peer-text.js";
import { mistake } from "../mistakes.js";
import { FULL_NAME, type SchemaSource } from "../schema-source.js";
import { asQuestion, type UsageError } from "../usage-error.js";
import { DeclaredNames } from "./declared.js";

/** The error for `name`, with the nearest of what the source has. `what` is what was wanted. */
export async function unknownName(what: "service" | "symbol", name: string, source: SchemaSource): Promise<UsageError> {
  const services = (await source.serviceNames()).filter((one) => FULL_NAME.test(one));
  const nearest =
    nearestFullName(name, services) ??
    (what === "symbol" ? nearestFullName(name, await namesAround(name, source, services)) : undefined);
  const known = services.slice(0, 8).join(", ");
  const rest =
    services.length === 0
      ? "; there are no services at all"
      : `; there ${services.length === 1 ? "is" : "are"} ${known}${services.length > 8 ? ", …" : ""}`;
  return mistake(`there is no ${what} ${quoted(name)}${asQuestion(nearest) || rest}`);
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
