/**
 * The server process of a contender: `server.js NAME OPTIONS`. Says its port, and what it has used whenever it is asked.
 */
import type { ServeOptions } from "./contender.js";
import { contenderOf } from "./contenders.js";
import { usageNow } from "./usage.js";

const [name, options] = process.argv.slice(2) as [string, string];
const contender = await contenderOf(name);
const port = await contender.serve(JSON.parse(options) as ServeOptions);
process.on("message", () => process.send?.(usageNow()));
process.on("disconnect", () => process.exit());
process.send?.({ port });
