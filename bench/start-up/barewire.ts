/**
 * One call by barewire with a generated module: `barewire.js PORT`.
 */
import { Channel } from "../../src/index.js";
import { RouteGuide } from "../../src/services/gen/route_guide.js";
import { answered } from "./answered.js";

const channel = new Channel(`localhost:${process.argv[2]}`);
await channel.client(RouteGuide).getFeature({ latitude: 409_146_138, longitude: -746_188_906 });
answered();
