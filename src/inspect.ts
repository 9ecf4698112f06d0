/**
 * For looking at every byte, published as `barewire/inspect`: what `barewire trace` prints, of a server or a channel in this process.
 */
export { inspector, type InspectorOptions } from "./transport/inspect/inspector.js";
export type { Tap, TapListener, TappedEnd, TappedMethod, TapSide } from "./transport/tap.js";
