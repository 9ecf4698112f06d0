/**
 * The other end of reflection: asks a server what its services are declared as.
 *
 * Spec: server-reflection.md; reflection.proto of grpc-proto, v1 and v1alpha.
 * Laws: what comes is a stranger's: services, files and bytes are counted, every file is asked for once, and a name is compared
 * but never taken for a place on the disk; nothing is waited for longer than was said.
 */
import {
  type BidiStreamingCall,
  type CallOptions,
  type Channel,
  Code,
  loadProto,
  type MessageType,
  StatusError,
} from "../core.js";
import {
  ServerReflection,
  type ServerReflectionRequest,
  type ServerReflectionRequestInit,
  type ServerReflectionResponse,
  ServerReflectionV1alpha,
} from "./gen/reflection.js";
import { quoted } from "./peer-text.js";

const MAX_SERVICES = 10_000;
const MAX_FILES = 2000;
const MAX_BYTES = 16 * 1024 * 1024;

/** A file as the server gave it. */
export interface ReflectedFile {
  /** As imports name it. */
  readonly name: string;
  /** The names of the files it imports. */
  readonly imports: readonly string[];
  /** A serialized `google.protobuf.FileDescriptorProto`. */
  readonly bytes: Uint8Array;
}

type Question = ServerReflectionRequest["messageRequest"];
type Answer = ServerReflectionResponse["messageResponse"];
type Stream = BidiStreamingCall<ServerReflectionRequestInit, ServerReflectionResponse>;

/** What of a file has to be known to find those it needs. */
interface FileHead {
  readonly name: string;
  readonly imports: readonly string[];
  readonly weakImports: readonly number[];
}

let fileHead: MessageType<FileHead> | undefined;

function headOf(bytes: Uint8Array): FileHead {
  fileHead ??= loadProto({
    "head.proto": `syntax = "proto3"; message Head {
      string name = 1; repeated string imports = 3; repeated int32 weak_imports = 11;
    }`,
  }).message<FileHead>("Head");
  return fileHead.decode(bytes);
}

/** One conversation with a server, in v1 or, where it knows only that, in v1alpha. Close it when there is nothing more to ask. */
export class ReflectionClient {
  readonly #channel: Channel;
  readonly #options: CallOptions;
  readonly #files = new Map<string, ReflectedFile>();
  #bytes = 0;
  #version = ServerReflection;
  #stream: Stream | undefined;
  /** Whether the stream has answered already. */
  #answered = false;

  /** `options` are those of every call it makes; a deadline among them counts for all that is asked. */
  constructor(channel: Channel, options: CallOptions = {}) {
    this.#channel = channel;
    this.#options = options;
  }

  /** The files that were fetched so far, each behind those it imports. @throws StatusError when they import each other in a circle. */
  get files(): readonly ReflectedFile[] {
    const ordered = new Map<string, ReflectedFile>();
    const open = new Set<string>();
    const add = (file: ReflectedFile): void => {
      if (ordered.has(file.name)) return;
      if (open.has(file.name)) throw broken(`its files import each other in a circle: ${circle(open, file.name)}`);
      open.add(file.name);
      for (const name of file.imports) {
        const imported = this.#files.get(name);
        if (imported !== undefined) add(imported);
      }
      open.delete(file.name);
      ordered.set(file.name, file);
    };
    for (const file of this.#files.values()) add(file);
    return [...ordered.values()];
  }

  /** The names of the services, as the server gives them: any text at all. @throws StatusError when it cannot be asked. */
  async listServices(): Promise<string[]> {
    const answer = await this.#ask({ case: "listServices", value: "*" });
    if (answer.case !== "listServicesResponse")
      throw broken(`it was asked for its services and answered ${kindOf(answer)}`);
    const { service } = answer.value;
    if (service.length > MAX_SERVICES) throw tooMuch(`${MAX_SERVICES} services`, service.length);
    return service.map(({ name }) => name);
  }

  /**
   * Fetches the file that declares `symbol`, and all that it imports, directly or not.
   *
   * @returns whether the server knows the symbol. @throws StatusError when it cannot be asked, or gives what cannot be used.
   */
  async fetchSymbol(symbol: string): Promise<boolean> {
    const answer = await this.#ask({ case: "fileContainingSymbol", value: symbol });
    if (isNotFound(answer)) return false;
    const fresh = this.#take(answer, quoted(symbol));
    for (let file = fresh.pop(); file !== undefined; file = fresh.pop()) {
      for (const name of file.imports) if (!this.#files.has(name)) fresh.push(...(await this.#fetchFile(name, file)));
    }
    return true;
  }

  /** Ends the stream; the next question opens another. */
  close(): void {
    const stream = this.#stream;
    this.#stream = undefined;
    if (stream === undefined) return;
    stream.closeSend();
    // What a server still says to nobody's question is of no use, and how it ends neither.
    void stream.receive().then(() => stream.cancel(), ignore);
  }

  async #fetchFile(name: string, importer: ReflectedFile): Promise<ReflectedFile[]> {
    const answer = await this.#ask({ case: "fileByFilename", value: name });
    // The files that everybody has need not be given; whether this is one of them, or can be done without, shows later.
    if (isNotFound(answer)) return [];
    const fresh = this.#take(answer, `${quoted(name)}, which ${quoted(importer.name)} imports,`);
    if (!this.#files.has(name)) throw broken(`it was asked for ${quoted(name)} and gave other files`);
    return fresh;
  }

  /** Keeps the files of an answer; gives those that are new. */
  #take(answer: Answer, asked: string): ReflectedFile[] {
    if (answer.case === "errorResponse") {
      const { errorCode, errorMessage } = answer.value;
      throw broken(`it answers for ${asked} with the error ${errorCode}, ${quoted(errorMessage)}`);
    }
    if (answer.case !== "fileDescriptorResponse")
      throw broken(`it was asked for ${asked} and answered ${kindOf(answer)}`);
    const fresh: ReflectedFile[] = [];
    for (const bytes of answer.value.fileDescriptorProto) {
      const file = readFile(bytes);
      if (this.#files.has(file.name)) continue;
      this.#bytes += bytes.length;
      this.#files.set(file.name, file);
      if (this.#files.size > MAX_FILES) throw tooMuch(`${MAX_FILES} files`, this.#files.size);
      if (this.#bytes > MAX_BYTES) throw tooMuch(`${MAX_BYTES} bytes of files`, this.#bytes);
      fresh.push(file);
    }
    return fresh;
  }

  async #ask(question: Question): Promise<Answer> {
    try {
      return await this.#askOnce(question);
    } catch (error) {
      if (!(error instanceof StatusError) || error.code !== Code.UNIMPLEMENTED || this.#answered) throw error;
      if (this.#version === ServerReflectionV1alpha) {
        throw new StatusError(Code.UNIMPLEMENTED, "the server has no reflection", { origin: "local", cause: error });
      }
      this.#version = ServerReflectionV1alpha;
      this.#stream = undefined;
      return await this.#ask(question);
    }
  }

  async #askOnce(question: Question): Promise<Answer> {
    const isOld = this.#stream !== undefined;
    const stream = (this.#stream ??= this.#channel.client(this.#version).serverReflectionInfo(this.#options));
    await stream.send({ messageRequest: question });
    const response = await stream.receive();
    if (response !== undefined) {
      this.#answered = true;
      return response.messageResponse;
    }
    this.#stream = undefined;
    if (!isOld) throw broken("it ended the call without an answer");
    // Some servers end the stream behind every answer.
    return await this.#askOnce(question);
  }
}

function readFile(bytes: Uint8Array): ReflectedFile {
  try {
    const { name, imports, weakImports } = headOf(bytes);
    const weak = new Set(weakImports);
    return { name, imports: imports.filter((_, i) => !weak.has(i)), bytes };
  } catch (cause) {
    throw broken("it gave a file that is no descriptor", cause);
  }
}

function isNotFound(answer: Answer): boolean {
  return answer.case === "errorResponse" && answer.value.errorCode === Code.NOT_FOUND;
}

function kindOf({ case: kind }: Answer): string {
  return kind === undefined ? "nothing" : `with ${kind}`;
}

function circle(open: ReadonlySet<string>, name: string): string {
  const names = [...open];
  const round = [...names.slice(names.indexOf(name)), name];
  return (round.length > 8 ? [...round.slice(0, 7), "…", name] : round).map(quoted).join(" → ");
}

function broken(what: string, cause?: unknown): StatusError {
  return new StatusError(Code.INTERNAL, `the server's reflection cannot be used: ${what}`, { cause });
}

function tooMuch(limit: string, came: number): StatusError {
  return new StatusError(
    Code.RESOURCE_EXHAUSTED,
    `the server's reflection gives more than ${limit}, which is the limit: it is ${came}`,
  );
}

function ignore(): void {}
