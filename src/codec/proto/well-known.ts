/**
 * The well-known files that are bundled as what protobufjs made of them, once more as texts: their descriptors are made from
 * these, and are then those that `protoc` has for them, as a test shows.
 *
 * Spec: protobuf.dev, "ProtoBuf Well-Known Types".
 */

function fileText(name: string, goPackage: string, hasArenas: boolean, body: string): [string, string] {
  const outer = name.replace(/(?:^|_)(.)/g, (_, first: string) => first.toUpperCase());
  const text = `syntax = "proto3";
package google.protobuf;
option csharp_namespace = "Google.Protobuf.WellKnownTypes";
option go_package = "google.golang.org/protobuf/types/known/${goPackage}";
option java_package = "com.google.protobuf";
option java_outer_classname = "${outer}Proto";
option java_multiple_files = true;
option objc_class_prefix = "GPB";
${hasArenas ? "option cc_enable_arenas = true;\n" : ""}${body}`;
  return [`google/protobuf/${name}.proto`, text];
}

/** A wrapper for each scalar that has one. */
const WRAPPERS = ["double", "float", "int64", "uint64", "int32", "uint32", "bool", "string", "bytes"].map((type) => {
  const name = type.replace(/^u?./, (first) => first.toUpperCase());
  return `message ${name}Value { ${type} value = 1; }`;
});

/** The texts by file name. */
export const WELL_KNOWN_TEXTS: ReadonlyMap<string, string> = new Map([
  fileText("any", "anypb", false, "message Any { string type_url = 1; bytes value = 2; }"),
  fileText("duration", "durationpb", true, "message Duration { int64 seconds = 1; int32 nanos = 2; }"),
  fileText("timestamp", "timestamppb", true, "message Timestamp { int64 seconds = 1; int32 nanos = 2; }"),
  fileText("empty", "emptypb", true, "message Empty {}"),
  fileText("field_mask", "fieldmaskpb", true, "message FieldMask { repeated string paths = 1; }"),
  fileText("wrappers", "wrapperspb", true, WRAPPERS.join("\n")),
  fileText(
    "struct",
    "structpb",
    true,
    `message Struct { map<string, Value> fields = 1; }
message Value {
  oneof kind {
    NullValue null_value = 1;
    double number_value = 2;
    string string_value = 3;
    bool bool_value = 4;
    Struct struct_value = 5;
    ListValue list_value = 6;
  }
}
enum NullValue { NULL_VALUE = 0; }
message ListValue { repeated Value values = 1; }`,
  ),
]);
