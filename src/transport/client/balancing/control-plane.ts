/**
 * What this side's own machinery may say of a call: credentials, balancing policies and their like are no servers.
 *
 * Spec: gRFC A54.
 * Laws: this comes before a policy looks at the code, to see whether the call is tried again.
 */
import { Code, codeName, StatusError } from "../../../codec/status.js";

/** Codes that say what a server found, and that nothing on this side may pretend. */
const SERVERS_OWN: ReadonlySet<Code> = new Set([
  Code.INVALID_ARGUMENT,
  Code.NOT_FOUND,
  Code.ALREADY_EXISTS,
  Code.FAILED_PRECONDITION,
  Code.ABORTED,
  Code.OUT_OF_RANGE,
  Code.DATA_LOSS,
]);

/** The error that a call gets when `source` has failed with `error`: INTERNAL for a code that only a server may say. */
export function permittedStatus(error: StatusError, source: string): StatusError {
  if (!SERVERS_OWN.has(error.code)) return error;
  const said = `${codeName(error.code)}: ${error.rawMessage}`;
  const text = `${source} failed with a code that only a server may say, which is a bug there: ${said}`;
  return new StatusError(Code.INTERNAL, text, { cause: error });
}
