/**
 * The three example services of `barewire serve`, and the flags that concern them.
 *
 * Laws: a file or a number that is no good is one sentence, before the server listens.
 */
import { readFileSync } from "node:fs";
import type { Server } from "../index.js";
import { OrderManagement } from "../services/gen/order.js";
import { StreamService } from "../services/gen/orderer.js";
import { type Feature, RouteGuide } from "../services/gen/route_guide.js";
import { orderManagement } from "../services/order-management.js";
import { parseFeatureFile } from "../services/route-guide-feature-file.js";
import { routeGuide } from "../services/route-guide.js";
import { streamService } from "../services/stream-service.js";
import { parseWholeNumber, UsageError } from "./usage-error.js";

/** The flags, as they were given. */
export interface ExampleFlags {
  readonly "json-db-file"?: string | undefined;
  readonly "batch-size"?: string | undefined;
}

/** Reads what the flags name; what it gives adds the services to a server. @throws UsageError */
export function readExamples(flags: ExampleFlags): (server: Server) => void {
  const batchSize = parseWholeNumber("--batch-size", flags["batch-size"] ?? "3", 1, 10_000);
  const features = flags["json-db-file"] === undefined ? undefined : readFeatures(flags["json-db-file"]);
  return (server) => {
    server
      .add(RouteGuide, routeGuide({ features }))
      .add(OrderManagement, orderManagement({ batchSize }))
      .add(StreamService, streamService());
  };
}

function readFeatures(file: string): Feature[] {
  try {
    return parseFeatureFile(readFileSync(file, "utf8"), file);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const text = reason.includes(file) ? reason : `${file}: ${reason}`;
    throw new UsageError(`--json-db-file: ${text}`, { cause: error });
  }
}
