/**
 * The control plane's statuses: what balancers, service configs and credentials may make a call fail with.
 *
 * Spec: gRFC A54.
 * Laws: a code that tells what a server found is never pretended on this side; this comes before a policy looks at the code.
 */
import { Code, codeName, StatusError } from "../../codec/status.js";

/** "Inappropriate for the control plane". */
const SERVERS_OWN: ReadonlySet<Code> = new Set([
  Code.INVALID_ARGUMENT,
  Code.NOT_FOUND,
  Code.ALREADY_EXISTS,
  Code.FAILED_PRECONDITION,
  Code.ABORTED,
  Code.OUT_OF_RANGE,
  Code.DATA_LOSS,
]);

/** What a call fails with when `who` fails with `error`: the same, or INTERNAL for a code that is not theirs to say. */
export function controlPlaneError(who: string, error: StatusError): StatusError {
  if (!SERVERS_OWN.has(error.code)) return error;
  const said = `${codeName(error.code)}: ${error.rawMessage}`;
  const text = `${who} failed with a code that only a server may say, which is a bug there: ${said}`;
  return new StatusError(Code.INTERNAL, text, { cause: error });
}
