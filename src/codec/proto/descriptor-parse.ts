/**
 * Reads a `.proto` text into the descriptor of its file, with comments. Names are still as they are written, and options not
 * understood: `descriptor-link.ts` and `descriptor-options.ts` do the rest.
 *
 * Spec: protobuf.dev, "Language Specification" (proto2, proto3, editions); descriptor.proto, SourceCodeInfo.
 * Laws: the order of the text is kept; nothing of it is lost; a text that is no `.proto` is an error with its line. What a
 * compiler would refuse for its meaning is not looked for: the codecs have been made from the same text.
 */
import { readDeclaration, type Scope } from "./descriptor-message.js";
import { EDITIONS, type ServiceDescriptorProto } from "./descriptor-model.js";
import { expect, readFullName, readName, wanted } from "./descriptor-option.js";
import { Path } from "./descriptor-path.js";
import { join, ProtoText } from "./descriptor-text.js";

/** Reads the text of the file that imports know as `name`. @throws Error naming the line when it is no `.proto`. */
export function parseDescriptor(name: string, text: string): ProtoText {
  const source = new ProtoText(name, text);
  source.paths.start();
  while (source.tokens.current.kind !== "end") readStatement(source);
  return source;
}

function readStatement(source: ProtoText): void {
  const { text } = source.tokens.current;
  switch (text) {
    case ";":
      source.paths.endWithout();
      return;
    case "syntax":
    case "edition":
      readSyntax(source, text);
      return;
    case "package":
      readPackage(source);
      return;
    case "import":
      readImport(source);
      return;
    case "option":
      source.option(source.file, "google.protobuf.FileOptions", source.file.package ?? "", [Path.file.options]);
      return;
    case "service":
      readService(source);
      return;
    default:
      if (!readDeclaration(source, fileScope(source))) throw wanted(source.tokens, "a declaration");
  }
}

function fileScope(source: ProtoText): Scope {
  const { messageType, enumType, extension } = source.file;
  return {
    fullName: source.file.package ?? "",
    path: [],
    messages: messageType,
    enums: enumType,
    extensions: extension,
    numbers: { messages: Path.file.messageType, enums: Path.file.enumType, extensions: Path.file.extension },
    depth: 0,
  };
}

function readSyntax(source: ProtoText, keyword: "syntax" | "edition"): void {
  const location = source.paths.open([Path.file.syntax]);
  source.tokens.next();
  expect(source.tokens, "=");
  const said = source.string();
  if (keyword === "edition") {
    source.file.syntax = "editions";
    source.file.edition = EDITIONS.get(said);
    if (source.file.edition === undefined) throw source.tokens.error(`edition ${JSON.stringify(said)} is not known`);
  } else if (said === "proto3") source.file.syntax = said;
  else if (EDITIONS.has(said)) throw source.tokens.error(`${said} is an edition and no syntax`);
  location.end(";");
}

function readPackage(source: ProtoText): void {
  const location = source.paths.open([Path.file.package]);
  source.tokens.next();
  source.file.package = readFullName(source.tokens);
  location.end(";");
}

function readImport(source: ProtoText): void {
  const file = source.file;
  const start = source.tokens.current;
  source.tokens.next();
  const { text } = source.tokens.current;
  const isOption = text === "option";
  if (isOption || text === "public" || text === "weak") source.tokens.next();
  const list = isOption ? file.optionDependency : file.dependency;
  const number = isOption ? Path.file.optionDependency : Path.file.dependency;
  const location = source.paths.open([number, list.length], start);
  if (text === "public") file.publicDependency.push(list.length);
  if (text === "weak") file.weakDependency.push(list.length);
  list.push(source.string());
  location.end(";");
}

function readService(source: ProtoText): void {
  const path = [Path.file.service, source.file.service.length];
  const location = source.paths.open(path);
  source.tokens.next();
  const service: ServiceDescriptorProto = { name: readName(source.tokens), method: [] };
  const fullName = join(source.file.package ?? "", service.name);
  source.file.service.push(service);
  location.end("{");
  while (source.tokens.current.text !== "}") {
    const { text } = source.tokens.current;
    if (text === ";") source.paths.endWithout();
    else if (text === "option") {
      source.option(service, "google.protobuf.ServiceOptions", fullName, [...path, Path.service.options]);
    } else if (text === "rpc") readMethod(source, service, fullName, path);
    else throw wanted(source.tokens, '"rpc"');
  }
  location.close();
}

function readMethod(
  source: ProtoText,
  service: ServiceDescriptorProto,
  scope: string,
  servicePath: readonly number[],
): void {
  const path = [...servicePath, Path.service.method, service.method.length];
  const location = source.paths.open(path);
  source.tokens.next();
  const name = readName(source.tokens);
  const input = readMethodType(source);
  expect(source.tokens, "returns");
  const output = readMethodType(source);
  const method: ServiceDescriptorProto["method"][number] = { name, inputType: input.type, outputType: output.type };
  if (input.isStream) method.clientStreaming = true;
  if (output.isStream) method.serverStreaming = true;
  service.method.push(method);
  const hasBody = source.tokens.current.text === "{";
  location.end(hasBody ? "{" : ";");
  if (!hasBody) return;
  // A body is there for options, so that an empty one is empty options.
  method.options = {};
  while (source.tokens.current.text !== "}") {
    if (source.tokens.current.text === ";") source.paths.endWithout();
    else if (source.tokens.current.text === "option") {
      const fullName = join(scope, name);
      source.option(method, "google.protobuf.MethodOptions", fullName, [...path, Path.method.options]);
    } else throw wanted(source.tokens, '"option"');
  }
  location.close();
}

function readMethodType(source: ProtoText): { readonly type: string; readonly isStream: boolean } {
  expect(source.tokens, "(");
  const isFirst = source.tokens.current.text === "stream";
  if (isFirst) source.tokens.next();
  // A type may be called `stream`.
  const isStream = isFirst && source.tokens.current.text !== ")";
  const type = isFirst && !isStream ? "stream" : readFullName(source.tokens);
  expect(source.tokens, ")");
  return { type, isStream };
}
