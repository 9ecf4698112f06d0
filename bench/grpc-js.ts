/**
 * The contract in the form grpc-js takes: a client constructor, loaded by proto-loader from a file.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import grpcJs from "@grpc/grpc-js";
import protoLoader from "@grpc/proto-loader";
import { CONTRACT } from "./contract.js";

export function grpcJsService(): grpcJs.ServiceClientConstructor {
  const folder = mkdtempSync(join(tmpdir(), "barewire-bench-"));
  const file = join(folder, "bench.proto");
  try {
    writeFileSync(file, CONTRACT);
    const loaded = grpcJs.loadPackageDefinition(protoLoader.loadSync(file, { longs: String, defaults: true }));
    return (loaded["bench"] as grpcJs.GrpcObject)["Bench"] as grpcJs.ServiceClientConstructor;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
