/**
 * What is in the way of a call that waits for an address: no room, a failure, or how far connecting has come.
 */
import type { FailedAttempt } from "../../../codec/failure-report.js";
import { formatAddress, type Address } from "../../address.js";
import { failedAttempt, type ConnectFailure, type ConnectPhase } from "./connect-failure.js";
import type { Connection } from "./connection.js";

/** What an attempt to connect has come to, by its phase. */
const WAITS_FOR: Readonly<Record<ConnectPhase, string>> = {
  dns: "the name has not been found yet",
  tcp: "no answer yet: the machine or a firewall may drop what is sent there",
  proxy: "the proxy has not opened the tunnel yet",
  tls: "connected, but the TLS handshake is not done: does the server speak TLS there?",
  settings: "connected, but no HTTP/2 SETTINGS yet: does it speak HTTP/2 there, with TLS or without as here?",
  health: "the server has not said that it is SERVING",
};

/** The obstacle at `address`: a session that is `full`, else the last `failure`, else the attempt that runs. */
export function obstacleTo(
  address: Address,
  full: Connection | undefined,
  failure: ConnectFailure | undefined,
  connecting: Connection | undefined,
): FailedAttempt | undefined {
  const where = formatAddress(address);
  if (full !== undefined) {
    const reason = `no room for another call: ${full.openStreams} of ${full.maxStreams} streams are open`;
    const hint = "options maxConnectionsPerAddress and connectionsPerAddress make more";
    return { address: where, phase: "stream", reason, hint };
  }
  if (failure !== undefined) return failedAttempt(failure);
  if (connecting === undefined) return undefined;
  return { address: where, phase: connecting.phase, reason: WAITS_FOR[connecting.phase] };
}
