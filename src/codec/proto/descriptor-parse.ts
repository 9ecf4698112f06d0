/**
 * Reads a `.proto` text into the descriptor of its file, with comments. Names are still as they are written, and options not
 * understood: `descriptor-link.ts` and `descriptor-options.ts` do the rest.
 *
 * Spec: protobuf.dev, "Language Specification" (proto2, proto3, editions); descriptor.proto, SourceCodeInfo.
 * Laws: the order of the text is kept; nothing of it is lost; a text that is no `.proto` is an error with its place, and what was
 * expected there. What is wrong in the meaning of what is well formed is for `check.ts`.
 */
import { readDeclaration, type Scope } from "./descriptor-message.js";
import { EDITIONS, type ServiceDescriptorProto } from "./descriptor-model.js";
import { expect, readFullName, readName, wanted } from "./descriptor-option.js";
import { Path } from "./descriptor-path.js";
import { join, ProtoText } from "./descriptor-text.js";
import { ProtoError } from "./proto-error.js";

const DECLARATIONS = "one of import, package, option, message, enum, extend, service";

/** Reads the text of the file that imports know as `name`. @throws ProtoError when it is no `.proto`. */
export function parseDescriptor(name: string, text: string): ProtoText {
  const source = new ProtoText(name, text);
  source.paths.start();
  const { text: first } = source.tokens.current;
  if (first === "syntax" || first === "edition") readSyntax(source, first);
  while (source.tokens.current.kind !== "end") readStatement(source);
  const location = source.paths.locations;
  if (location.length > 0) source.file.sourceCodeInfo = { location };
  return source;
}

function readStatement(source: ProtoText): void {
  const { text } = source.tokens.current;
  switch (text) {
    case ";":
      source.paths.endWithout();
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
      if (!readDeclaration(source, fileScope(source))) throw wanted(source.tokens, DECLARATIONS);
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
  const { at } = source.tokens.current;
  const said = source.string();
  if (keyword === "edition") {
    source.file.syntax = "editions";
    source.file.edition = EDITIONS.get(said);
    if (source.file.edition === undefined)
      throw unknownSyntax(`one of ${[...EDITIONS.keys()].join(", ")} as edition`, said, at);
  } else if (said === "proto3") source.file.syntax = said;
  else if (said !== "proto2") throw unknownSyntax("proto2 or proto3 as syntax", said, at);
  location.end(";");
}

function unknownSyntax(wantedText: string, said: string, at: number): Error {
  return new ProtoError(`expected ${wantedText}, found ${JSON.stringify(said.slice(0, 64))}`, at);
}

function readPackage(source: ProtoText): void {
  const location = source.paths.open([Path.file.package]);
  if (source.file.package !== undefined) throw source.tokens.error("expected one package, found a second");
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
  const service: ServiceDescriptorProto = { name: "", method: [] };
  source.mark(service, "name");
  service.name = readName(source.tokens);
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
  const method: ServiceDescriptorProto["method"][number] = { name: "", inputType: "", outputType: "" };
  source.mark(method, "name");
  const name = readName(source.tokens);
  const input = readMethodType(source);
  expect(source.tokens, "returns");
  const output = readMethodType(source);
  Object.assign(method, { name, inputType: input.type, outputType: output.type });
  source.markAt(method, "input", input.at);
  source.markAt(method, "output", output.at);
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

function readMethodType(source: ProtoText): { readonly type: string; readonly isStream: boolean; readonly at: number } {
  expect(source.tokens, "(");
  const isFirst = source.tokens.current.text === "stream";
  if (isFirst) source.tokens.next();
  // A type may be called `stream`.
  const isStream = isFirst && source.tokens.current.text !== ")";
  const { at } = source.tokens.current;
  const type = isFirst && !isStream ? "stream" : readFullName(source.tokens);
  expect(source.tokens, ")");
  return { type, isStream, at };
}
