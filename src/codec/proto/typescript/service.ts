/**
 * A service in TypeScript: one type from which the types of handlers and clients follow, and its descriptor.
 */
import { localMethodName } from "../../method.js";
import type { DeclaredMethod, DeclaredService } from "../declared.js";
import { methodKind } from "../schema.js";
import { docLines } from "./comments.js";
import type { ModuleSource } from "./module-source.js";
import { propertyKey } from "./names.js";
import type { Declaration } from "./plan.js";

/** Adds the declarations of a service. @throws Error when two of its methods have one local name. */
export function addService(source: ModuleSource, { name }: Declaration, service: DeclaredService): void {
  const typeName = service.fullName;
  checkLocalNames(service);
  source.add(...docLines("", service.comment, `The service \`${typeName}\`.`, deprecated(service)));
  const serviceType = source.runtime("Service", "type");
  if (service.methods.length === 0) {
    source.add(`export type ${name} = ${serviceType}<{}>;`, "");
    source.add(`export const ${name}: ${name} = ${source.module.fileName}.service(${JSON.stringify(typeName)}, {});`);
    return;
  }
  source.add(`export type ${name} = ${serviceType}<{`);
  for (const method of service.methods) source.add(...methodType(source, method));
  source.add("}>;", "");
  source.add(`export const ${name}: ${name} = ${source.module.fileName}.service(${JSON.stringify(typeName)}, {`);
  for (const method of service.methods) source.add(...methodValue(source, method));
  source.add("});");
}

function checkLocalNames(service: DeclaredService): void {
  const known = new Map<string, string>();
  for (const method of service.methods) {
    const name = method.name;
    const local = localMethodName(name);
    const other = known.get(local);
    if (other !== undefined) {
      throw new Error(
        `Cannot generate service ${service.fullName} as its methods ${other} and ${name} both become ${local}`,
      );
    }
    known.set(local, name);
  }
}

function deprecated(declared: { readonly deprecated: boolean }): string | undefined {
  return declared.deprecated ? "@deprecated" : undefined;
}

function methodType(source: ModuleSource, method: DeclaredMethod): string[] {
  const { request, response } = method;
  const parameters = [
    JSON.stringify(methodKind(method)),
    source.refer(request, "type"),
    source.refer(request, "init"),
    source.refer(response, "type"),
    source.refer(response, "init"),
  ];
  const key = propertyKey(localMethodName(method.name));
  const head = `  ${key}: ${source.runtime("Method", "type")}<`;
  const line = `${head}${parameters.join(", ")}>;`;
  const doc = docLines("  ", method.comment, deprecated(method));
  if (line.length <= 120) return [...doc, line];
  const last = parameters.length - 1;
  return [...doc, head, ...parameters.map((one, i) => `    ${one}${i === last ? "" : ","}`), "  >;"];
}

function methodValue(source: ModuleSource, method: DeclaredMethod): string[] {
  const fields = [
    `kind: ${JSON.stringify(methodKind(method))}`,
    `name: ${JSON.stringify(method.name)}`,
    `request: ${source.refer(method.request, "value")}`,
    `response: ${source.refer(method.response, "value")}`,
  ];
  const key = propertyKey(localMethodName(method.name));
  const line = `  ${key}: { ${fields.join(", ")} },`;
  return line.length <= 120 ? [line] : [`  ${key}: {`, ...fields.map((field) => `    ${field},`), "  },"];
}
