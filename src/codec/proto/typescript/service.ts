/**
 * A service in TypeScript: one type from which the types of handlers and clients follow, and its descriptor.
 */
import type protobuf from "protobufjs";
import { localMethodName, type MethodKind } from "../../method.js";
import { fullNameOf, originalName } from "../dialect.js";
import { docLines } from "./comments.js";
import type { ModuleSource } from "./module-source.js";
import { propertyKey } from "./names.js";
import type { Declaration } from "./plan.js";

/** Adds the declarations of a service. @throws Error when two of its methods have one local name. */
export function addService(source: ModuleSource, { object, name }: Declaration): void {
  const service = object as protobuf.Service;
  const typeName = fullNameOf(service);
  checkLocalNames(service);
  source.add(...docLines("", service.comment, `The service \`${typeName}\`.`, deprecated(service)));
  const serviceType = source.runtime("Service", "type");
  if (service.methodsArray.length === 0) {
    source.add(`export type ${name} = ${serviceType}<{}>;`, "");
    source.add(`export const ${name}: ${name} = ${source.module.fileName}.service(${JSON.stringify(typeName)}, {});`);
    return;
  }
  source.add(`export type ${name} = ${serviceType}<{`);
  for (const method of service.methodsArray) source.add(...methodType(source, method));
  source.add("}>;", "");
  source.add(`export const ${name}: ${name} = ${source.module.fileName}.service(${JSON.stringify(typeName)}, {`);
  for (const method of service.methodsArray) source.add(...methodValue(source, method));
  source.add("});");
}

function checkLocalNames(service: protobuf.Service): void {
  const known = new Map<string, string>();
  for (const method of service.methodsArray) {
    const name = originalName(method.name);
    const local = localMethodName(name);
    const other = known.get(local);
    if (other !== undefined) {
      throw new Error(
        `Cannot generate service ${fullNameOf(service)} as its methods ${other} and ${name} both become ${local}`,
      );
    }
    known.set(local, name);
  }
}

function deprecated(object: protobuf.ReflectionObject): string | undefined {
  return object.options?.["deprecated"] === true ? "@deprecated" : undefined;
}

function kindOf(method: protobuf.Method): MethodKind {
  if (method.requestStream === true) return method.responseStream === true ? "bidiStreaming" : "clientStreaming";
  return method.responseStream === true ? "serverStreaming" : "unary";
}

function methodType(source: ModuleSource, method: protobuf.Method): string[] {
  const request = method.resolvedRequestType as protobuf.Type;
  const response = method.resolvedResponseType as protobuf.Type;
  const parameters = [
    JSON.stringify(kindOf(method)),
    source.refer(request, "type"),
    source.refer(request, "init"),
    source.refer(response, "type"),
    source.refer(response, "init"),
  ];
  const key = propertyKey(localMethodName(originalName(method.name)));
  const head = `  ${key}: ${source.runtime("Method", "type")}<`;
  const line = `${head}${parameters.join(", ")}>;`;
  const doc = docLines("  ", method.comment, deprecated(method));
  if (line.length <= 120) return [...doc, line];
  const last = parameters.length - 1;
  return [...doc, head, ...parameters.map((one, i) => `    ${one}${i === last ? "" : ","}`), "  >;"];
}

function methodValue(source: ModuleSource, method: protobuf.Method): string[] {
  const fields = [
    `kind: ${JSON.stringify(kindOf(method))}`,
    `name: ${JSON.stringify(originalName(method.name))}`,
    `request: ${source.refer(method.resolvedRequestType as protobuf.Type, "value")}`,
    `response: ${source.refer(method.resolvedResponseType as protobuf.Type, "value")}`,
  ];
  const key = propertyKey(localMethodName(originalName(method.name)));
  const line = `  ${key}: { ${fields.join(", ")} },`;
  return line.length <= 120 ? [line] : [`  ${key}: {`, ...fields.map((field) => `    ${field},`), "  },"];
}
