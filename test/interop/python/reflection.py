"""Finds every symbol that standard input names by the reflection of a server, and prints the files that declare them.

Spec: grpc_reflection.v1alpha.proto_reflection_descriptor_database of grpcio-reflection.
"""

import base64
import json
import sys

import grpc
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)


def main():
    wanted = json.load(sys.stdin)
    with grpc.insecure_channel(sys.argv[1]) as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        services = sorted(database.get_services())
        assert services == wanted["services"], services
        pool = DescriptorPool(database)
        find = {
            "message": pool.FindMessageTypeByName,
            "enum": pool.FindEnumTypeByName,
            "service": pool.FindServiceByName,
            "method": pool.FindMethodByName,
            "extension": pool.FindExtensionByName,
            "field": pool.FindFieldByName,
            "oneof": pool.FindOneofByName,
        }
        files = {}
        for symbol in wanted["symbols"]:
            name, kind, file = symbol["name"], symbol["kind"], symbol["file"]
            proto = database.FindFileContainingSymbol(name)
            assert proto.name == file, f"{name} is in {proto.name}, not in {file}"
            files[file] = base64.b64encode(proto.SerializeToString()).decode()
            # What the pool gives is linked. It has no way to find the value of an enum by its name.
            if kind in find:
                assert find[kind](name).full_name == name, name
            if kind == "extension":
                extension = pool.FindExtensionByName(name)
                extendee = extension.containing_type.full_name
                numbers = database.FindAllExtensionNumbers(extendee)
                assert extension.number in numbers, f"{extendee} has no {extension.number}"
        print(json.dumps(files))


main()
