"""What the Python client and server of the interop cases have in common: the contract, the sizes, the flags."""

import argparse
import os
import sys

import grpc

PROTO_DIR = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "proto")
sys.path.insert(0, PROTO_DIR)
messages, services = grpc.protos_and_services("test.proto")

LARGE_REQUEST = 271828
LARGE_RESPONSE = 314159
REQUEST_SIZES = [27182, 8, 1828, 45904]
RESPONSE_SIZES = [31415, 9, 2653, 58979]
ECHO_INITIAL = "x-grpc-test-echo-initial"
ECHO_TRAILING = "x-grpc-test-echo-trailing-bin"


def boolean(text):
    if text not in ("true", "false"):
        raise argparse.ArgumentTypeError("must be true or false")
    return text == "true"


def zeros(size):
    return messages.Payload(body=bytes(size))


def read(path):
    with open(path, "rb") as file:
        return file.read()
