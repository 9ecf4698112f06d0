/**
 * Connectivity: the five states of a channel and of its parts, and how one waits for them to change.
 *
 * Spec: connectivity-semantics-and-api.md; client_channel_specification.md (Subchannel Connectivity).
 * Laws: SHUTDOWN is the end; whoever listens is told that something changed, not every state in between.
 */

/**
 * What a channel can be: not connected and not trying (`IDLE`), trying, ready for calls, in trouble and waiting to try again,
 * closed.
 */
export type ConnectivityState = "IDLE" | "CONNECTING" | "READY" | "TRANSIENT_FAILURE" | "SHUTDOWN";
