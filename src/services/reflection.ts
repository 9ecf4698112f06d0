/**
 * Reflection: tells clients such as grpcurl what a server's services are declared as, so that they need no `.proto` files.
 *
 * Spec: server-reflection.md; reflection.proto of grpc-proto, v1 and v1alpha.
 * Laws: one answer for every question, in order; a question without an answer is answered with an error, and the stream goes
 * on; nothing is made ready before somebody asks.
 */
import { Code, type FileDescriptor, type Implementation, type Server, type Service } from "../core.js";
import {
  ServerReflection,
  ServerReflectionV1alpha,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
} from "./gen/reflection.js";
import { quoted } from "./peer-text.js";
import { type IndexedFile, ReflectionIndex } from "./reflection-index.js";

export {
  ServerReflection,
  type ServerReflectionRequest,
  type ServerReflectionRequestInit,
  type ServerReflectionResponse,
  type ServerReflectionResponseInit,
  ServerReflectionV1alpha,
} from "./gen/reflection.js";

/** Adds both versions of the service to `server`: they tell of all its services, those added later and themselves included. */
export function addReflection(server: Server): void {
  const handlers = reflection(() => server.services);
  server.add(ServerReflection, handlers).add(ServerReflectionV1alpha, handlers);
}

/** What answers for {@link ServerReflection}, in either version, about the services that `services` gives. */
export function reflection(services: () => readonly Service[]): Implementation<ServerReflection> {
  let index: ReflectionIndex | undefined;
  let indexed = -1;
  const currentIndex = (): ReflectionIndex => {
    const now = services();
    // Services are added and never removed.
    if (index === undefined || now.length !== indexed) index = new ReflectionIndex(now);
    indexed = now.length;
    return index;
  };
  return {
    async *serverReflectionInfo(requests) {
      const sent = new Set<string>();
      for await (const request of requests) {
        const messageResponse = answer(request, services(), currentIndex, sent);
        yield { validHost: request.host, originalRequest: request, messageResponse };
      }
    },
  };
}

type Answer = ServerReflectionResponse["messageResponse"];

function answer(
  { messageRequest: asked }: ServerReflectionRequest,
  services: readonly Service[],
  index: () => ReflectionIndex,
  sent: Set<string>,
): Answer {
  switch (asked.case) {
    case "listServices": {
      const service = services.map(({ typeName }) => ({ name: typeName })).toSorted(byName);
      return { case: "listServicesResponse", value: { service } };
    }
    case "fileByFilename":
      return files(index(), index().file(asked.value), sent, () => `file ${quoted(asked.value)} is not known`);
    case "fileContainingSymbol":
      return files(index(), index().symbol(asked.value), sent, () => unknownSymbol(asked.value, services));
    case "fileContainingExtension": {
      const { containingType, extensionNumber } = asked.value;
      const found = index().extension(containingType, extensionNumber);
      return files(index(), found, sent, () => `${quoted(containingType)} has no extension ${extensionNumber}`);
    }
    case "allExtensionNumbersOfType": {
      const extensionNumber = index().extensionNumbers(asked.value);
      if (extensionNumber === undefined) return notFound(index(), `message ${quoted(asked.value)} is not known`);
      return { case: "allExtensionNumbersResponse", value: { baseTypeName: asked.value, extensionNumber } };
    }
    default:
      return failed(Code.INVALID_ARGUMENT, "the request asks for nothing that this server knows");
  }
}

function unknownSymbol(name: string, services: readonly Service[]): string {
  if (services.some(({ typeName, schema }) => typeName === name && schema === undefined)) {
    return `service ${quoted(name)} has been added without its schema`;
  }
  return `symbol ${quoted(name)} is not known`;
}

/** The file that was asked for, always, and before it what it imports, unless that has been sent on this stream. */
function files(
  index: ReflectionIndex,
  found: IndexedFile | undefined,
  sent: Set<string>,
  missing: () => string,
): Answer {
  if (found === undefined) return notFound(index, missing());
  const list: FileDescriptor[] = [];
  const seen = new Set<string>();
  const add = (file: FileDescriptor): void => {
    if (seen.has(file.name)) return;
    seen.add(file.name);
    if (file === found.descriptor || !sent.has(file.name)) list.push(file);
    sent.add(file.name);
    // What is not there was imported weakly.
    for (const name of file.imports) {
      const imported = found.siblings.get(name);
      if (imported !== undefined) add(imported);
    }
  };
  add(found.descriptor);
  return { case: "fileDescriptorResponse", value: { fileDescriptorProto: list.map(({ bytes }) => bytes) } };
}

/** It may be in files that could not be described: that is for the server's `onError`, as any exception. */
function notFound(index: ReflectionIndex, message: string): Answer {
  if (index.failures.length > 0) throw index.failures[0];
  return failed(Code.NOT_FOUND, message);
}

function failed(errorCode: Code, errorMessage: string): Answer {
  return { case: "errorResponse", value: { errorCode, errorMessage } };
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : Number(a.name > b.name);
}
