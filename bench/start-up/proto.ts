/**
 * Where the contract of these programs is.
 */
import { fileURLToPath } from "node:url";

export const ROUTE_GUIDE = fileURLToPath(new URL("../../../proto/route_guide.proto", import.meta.url));
