/**
 * How a call that failed is told: one sentence with what may help, the details behind it, and the status as exit code.
 *
 * Spec: gRPC statuscodes.md.
 * Laws: whoever decided the status is named; what a peer said is escaped.
 */
import {
  Any,
  Code,
  codeName,
  googleRpc,
  type StatusDetail,
  type StatusError,
  toJsonString,
  type TypeRegistry,
} from "../index.js";
import { quoted } from "../services/peer-text.js";
import { printable } from "./printable.js";
import { UsageError } from "./usage-error.js";

/** Which call it was. */
export interface FailedCall {
  readonly address: string;
  readonly isTls: boolean;
  /** What was asked for: the method of the command line, what the server's services are declared as, or one call of a demo. */
  readonly purpose: "call" | "reflection" | "demo";
  /** Where the types of details are looked up, behind those of `google.rpc`. */
  readonly types?: TypeRegistry | undefined;
}

/** What is to be said of a failed call; its exit code is the status. */
export function callFailure(error: StatusError, call: FailedCall): UsageError {
  const lines = [failureSentence(error, call), ...error.details.map((detail) => `  ${detailLine(detail, call.types)}`)];
  return new UsageError(lines.join("\n"), { cause: error, exitCode: error.code });
}

/** The same in one sentence, without the details of the status. */
export function failureSentence(error: StatusError, call: FailedCall): string {
  const { code, rawMessage, origin } = error;
  if (origin === "local" && code === Code.UNAVAILABLE) return noConnection(error, call);
  if (origin === "local" && code === Code.UNIMPLEMENTED && call.purpose === "reflection") {
    return `the server at ${call.address} has no reflection: say with --proto or --protoset what its services are declared as`;
  }
  const what = call.purpose === "reflection" ? "reflection" : "the call";
  const who = origin === "local" ? `${what} ended` : `the server at ${call.address} ended ${what}`;
  const text = rawMessage === "" ? "" : `: ${printable(rawMessage)}`;
  const hint = hintFor(error, call);
  return `${who} with ${codeName(code)}${text}${hint === undefined ? "" : `; ${hint}`}`;
}

function hintFor({ code, origin, rawMessage }: StatusError, { purpose }: FailedCall): string | undefined {
  // It has none of these flags.
  if (purpose === "demo") return undefined;
  if (code === Code.UNAUTHENTICATED) return "-H 'authorization: Bearer …' says who is calling";
  if (code === Code.DEADLINE_EXCEEDED) return "--max-time says how many seconds it may take";
  if (code === Code.RESOURCE_EXHAUSTED && origin === "local" && /larger than the limit/.test(rawMessage)) {
    return "--max-message-bytes says how large a message may be";
  }
  if (purpose === "reflection") return "with --proto or --protoset the server is not asked";
  if (code === Code.UNIMPLEMENTED && origin === "remote") return "barewire list shows what it has";
  return undefined;
}

function detailLine(detail: StatusDetail, types: TypeRegistry | undefined): string {
  if (detail.typeName === undefined) {
    return toJsonString(Any, detail, { types, unresolvedAny: "base64" });
  }
  return `${detail.typeName} ${toJsonString(googleRpc().message(detail.typeName), { ...detail.message })}`;
}

/** What the system says where nobody listens, or where the way there ends. */
const NOBODY: ReadonlySet<unknown> = new Set([
  "ECONNREFUSED",
  "ENOENT",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ETIMEDOUT",
]);

/** What a channel says when there is no more to say than what the system said. */
const NO_CONNECTION = "cannot connect to the server";

/** What may help against a failure, by its text. */
const ADVICE: Readonly<Record<"tls" | "plaintext", readonly (readonly [RegExp, string])[]>> = {
  tls: [
    [/not signed by a trusted/, "say with --ca-file whose signature is to be trusted"],
    [/another name/, "if it is the right server all the same, say with --server-host-override which name it has"],
    [/wants a client certificate|closed the connection/, "show it a certificate with --cert-file and --key-file"],
    [/does not speak TLS/, "without --tls it may understand (to another machine that is --plaintext)"],
  ],
  plaintext: [[/closed the connection|does not speak HTTP\/2/, "if it talks TLS, say --tls"]],
};

function noConnection(error: StatusError, { address, isTls, purpose }: FailedCall): string {
  const text = error.rawMessage;
  // First comes what was noticed, then what may help in a program: here flags do.
  const [noticed = ""] = (error.attempts.at(-1)?.hint ?? "").split("; ");
  if (text === NO_CONNECTION && NOBODY.has(systemCode(error.cause))) {
    return nobodyAnswers(printable(address), printable(noticed), purpose);
  }
  const advice = ADVICE[isTls ? "tls" : "plaintext"].find(([failure]) => failure.test(text))?.[1];
  const why = text === NO_CONNECTION || /another name/.test(text) ? `${text}: ${quoted(noticed)}` : printable(text);
  return `cannot talk to ${printable(address)}: ${why}${advice === undefined ? "" : `; ${advice}`}`;
}

function nobodyAnswers(address: string, noticed: string, purpose: FailedCall["purpose"]): string {
  const nobody = `nobody answers at ${address}`;
  if (purpose === "demo") {
    return `${nobody}: start a server (barewire serve, or npm start), or say where it listens with --addr`;
  }
  return `${nobody} (${noticed}): is the server running, and is this where it listens?`;
}

function systemCode(cause: unknown): unknown {
  return cause instanceof Error && "code" in cause ? cause.code : undefined;
}
