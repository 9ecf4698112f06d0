/**
 * The server of these programs.
 */
import { Server } from "../../src/core.js";
import { RouteGuide } from "../../src/services/gen/route_guide.js";

/** Gives the port, and what closes it. */
export async function serveRouteGuide(): Promise<{ port: number; close: () => Promise<void> }> {
  const server = new Server();
  server.add(RouteGuide, {
    getFeature: (location) => ({ name: "somewhere", location }),
    listFeatures: () => [],
    recordRoute: () => ({}),
    routeChat: () => [],
  });
  const { port } = await server.listen("127.0.0.1:0");
  return { port, close: () => server.close() };
}
