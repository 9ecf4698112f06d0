/**
 * One call by barewire with a `.proto` file that is read at the start: `barewire-load-proto.js PORT`.
 */
import { Channel, loadProto, type ClientMethod, type Method } from "../../src/index.js";
import { answered } from "./answered.js";
import { ROUTE_GUIDE } from "./proto.js";

const service = loadProto(ROUTE_GUIDE).service("routeguide.RouteGuide");
const client = new Channel(`localhost:${process.argv[2]}`).client(service) as Record<string, ClientMethod<Method>>;
await client["getFeature"]?.({ latitude: 409_146_138, longitude: -746_188_906 });
answered();
