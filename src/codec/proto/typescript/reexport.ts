/**
 * What a module exports of others: the declarations of the files that its file imports publicly, as whoever imports this file sees them.
 *
 * Spec: protobuf.dev, "Language Guide", "Importing Definitions".
 * Laws: a name of this module's own comes first, and of the rest the one that was imported first.
 */
import type { ModuleSource } from "./module-source.js";
import type { Plan } from "./plan.js";

/** Adds the exports. */
export function addReexports(source: ModuleSource, plan: Plan): void {
  const taken = new Set(source.module.names);
  const seen = new Set<string>();
  const add = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    const items: string[] = [];
    for (const { object, name, initName } of plan.declarationsOf(file)) {
      const names = object.kind === "message" ? [name, `type ${initName}`] : [name];
      if (names.some((one) => taken.has(one.replace("type ", "")))) continue;
      for (const one of names) taken.add(one.replace("type ", ""));
      items.push(...names);
    }
    source.reexport(plan.moduleOf(file), items);
    for (const next of plan.publicImportsOf(file)) add(next);
  };
  for (const file of source.module.file.publicImports) add(file);
}
