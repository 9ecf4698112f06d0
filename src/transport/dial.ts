/**
 * Dialing, as an option: where the byte stream of a connection comes from when it is not a socket of the channel's own.
 *
 * Laws: a floor above hands it down as a value; what is dialled is the channel's from then on, and it ends it.
 */
import type { Duplex } from "node:stream";
import type { Address } from "./address.js";

/**
 * Opens the byte stream to an address: a socket, which may not be connected yet, or any other duplex stream. A connection that cannot
 * be made is one that is destroyed with the reason, or an exception. With TLS the channel shakes hands on what it is given.
 */
export type Dial = (address: Address) => Duplex;
