/**
 * The public API, published as `barewire`: `barewire/core`, with a server that has health and reflection.
 */
export * from "./core.js";
export { HealthStatuses, type ServingStatus } from "./services/health.js";
export { Server, type ServerOptions } from "./services/server.js";
