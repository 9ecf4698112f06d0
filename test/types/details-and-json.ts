/**
 * Type tests: details of errors are told apart by their names, and JSON keeps the types of generated messages. `npm run types`
 * checks this file; it never runs.
 */
import {
  type Any,
  type BadRequest,
  Code,
  fromJson,
  fromJsonString,
  loadProto,
  type MessageType,
  packAny,
  type RetryInfo,
  StatusError,
  toJson,
  toText,
  unpackAny,
} from "../../src/index.js";
import { sameType } from "./same-type.js";

interface Point {
  latitude: bigint;
}
interface PointInit {
  latitude?: bigint | number;
}

declare const PointType: MessageType<Point, PointInit>;
declare const error: StatusError;
declare const any: Any;

for (const detail of error.details) {
  if (detail.typeName === "google.rpc.BadRequest") sameType<BadRequest>()(detail.message, true);
  else if (detail.typeName === undefined) sameType<Point | undefined>()(unpackAny(detail, PointType), true);
}
sameType<Point | undefined>()(unpackAny(any, PointType), true);

const retry = error.details.find((detail) => detail.typeName === "google.rpc.RetryInfo")?.message;
export const retryInfo: RetryInfo | undefined = retry;

export const made = new StatusError(Code.ABORTED, "", {
  details: [
    { typeName: "google.rpc.BadRequest", message: { fieldViolations: [{ field: "id" }] } },
    { typeName: "google.rpc.ErrorInfo", message: { metadata: { key: "value" } } },
    packAny(PointType, { latitude: 5 }),
  ],
});
export const wrongField = new StatusError(Code.ABORTED, "", {
  // @ts-expect-error -- there is no such field
  details: [{ typeName: "google.rpc.Help", message: { link: [] } }],
});
export const wrongType = new StatusError(Code.ABORTED, "", {
  // @ts-expect-error -- there is no such type
  details: [{ typeName: "google.rpc.Halp", message: {} }],
});

sameType<Point>()(fromJson(PointType, { latitude: "5" }), true);
sameType<Point>()(fromJsonString(PointType, "{}"), true);
toJson(PointType, { latitude: 5 });
toText(PointType, { latitude: 5 });
// @ts-expect-error -- latitude is no string
toJson(PointType, { latitude: "5" });
toJson(loadProto("x").message("x.Y"), { anything: 1 });
