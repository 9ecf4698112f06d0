/**
 * The public API, published as `barewire`.
 */
export * from "./core.js";
