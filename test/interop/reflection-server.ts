/**
 * A server for clients that know nothing but what reflection tells them: `--services` names what it serves, `--reflection` the
 * one version of reflection it has, so that a client cannot take the other.
 *
 * Laws: of the hard files nothing is implemented; they are there to be described.
 */
import { pathToFileURL } from "node:url";
import { Server } from "../../src/index.js";
import { reflection, ServerReflection, ServerReflectionV1alpha } from "../../src/services/reflection.js";
import { OrderManagement } from "../../src/services/gen/order.js";
import { StreamService } from "../../src/services/gen/orderer.js";
import { RouteGuide } from "../../src/services/gen/route_guide.js";
import { orderManagement } from "../../src/services/order-management.js";
import { routeGuide } from "../../src/services/route-guide.js";
import { streamService } from "../../src/services/stream-service.js";
import { CORPORA, DOCUMENTED, loadCorpus } from "./corpus.js";
import { numberFlag, parseFlags, wantedFlag } from "./flags.js";

/** The versions of the service. */
export const VERSIONS = { v1: ServerReflection, v1alpha: ServerReflectionV1alpha } as const;
export type Version = keyof typeof VERSIONS;

export function reflectionServer(services: string, version: Version): Server {
  const server = new Server({ reflection: false });
  server.add(
    VERSIONS[version],
    reflection(() => server.services),
  );
  if (services === DOCUMENTED.name) {
    server.add(RouteGuide, routeGuide());
    server.add(OrderManagement, orderManagement());
    return server.add(StreamService, streamService());
  }
  const corpus = CORPORA.find(({ name }) => name === services);
  if (corpus === undefined) throw new Error(`--services must be ${CORPORA.map(({ name }) => name).join(", ")}`);
  for (const service of loadCorpus(corpus).services) server.add(service, {});
  return server;
}

async function main(args: readonly string[]): Promise<void> {
  const flags = parseFlags(args, ["port", "services", "reflection"]);
  const version = wantedFlag(flags, "reflection");
  if (version !== "v1" && version !== "v1alpha") throw new Error("--reflection must be v1 or v1alpha");
  const server = reflectionServer(wantedFlag(flags, "services"), version);
  await server.listen(`127.0.0.1:${numberFlag(flags, "port", 0)}`);
  process.once("SIGTERM", () => void server.close({ graceMs: 0 }));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await main(process.argv.slice(2));
