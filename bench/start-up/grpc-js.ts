/**
 * One call by grpc-js with proto-loader: `grpc-js.js PORT`.
 */
import grpc from "@grpc/grpc-js";
import protoLoader from "@grpc/proto-loader";
import { answered } from "./answered.js";
import { ROUTE_GUIDE } from "./proto.js";

interface Client {
  getFeature(point: object, callback: (error: Error | null) => void): void;
}

const loaded = grpc.loadPackageDefinition(protoLoader.loadSync(ROUTE_GUIDE, { longs: String, defaults: true }));
const RouteGuide = (loaded["routeguide"] as grpc.GrpcObject)["RouteGuide"] as grpc.ServiceClientConstructor;
const client = new RouteGuide(`localhost:${process.argv[2]}`, grpc.credentials.createInsecure());
(client as unknown as Client).getFeature({ latitude: 409_146_138, longitude: -746_188_906 }, (error) => {
  if (error !== null) throw error;
  answered();
});
