"""The interop client on grpcio, with the official flags: python client.py --server_port=10000 --test_case=large_unary."""

import argparse
import queue

import grpc

from flags import (
    ECHO_INITIAL,
    ECHO_TRAILING,
    LARGE_REQUEST,
    LARGE_RESPONSE,
    REQUEST_SIZES,
    RESPONSE_SIZES,
    boolean,
    messages,
    read,
    services,
    zeros,
)

STATUS_MESSAGE = "test status message"
SPECIAL_STATUS_MESSAGE = "\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \U0001f608\t\n"
METADATA = ((ECHO_INITIAL, "test_initial_metadata_value"), (ECHO_TRAILING, b"\xab\xab\xab"))


def want(wanted, came):
    if wanted != came:
        raise AssertionError(f"wanted {wanted!r}, but {came!r} came")


def want_status(call, code, details=None):
    """A call that fails: a future, or an iterator of responses."""
    try:
        if hasattr(call, "result"):
            call.result()
        for _ in call:
            pass
    except grpc.RpcError as error:
        want(code, error.code())
        if details is not None:
            want(details, error.details())
        return
    raise AssertionError(f"wanted {code}, but the call was successful")


def large(**more):
    return messages.SimpleRequest(response_size=LARGE_RESPONSE, payload=zeros(LARGE_REQUEST), **more)


def output_request(*sizes, payload=0, **more):
    parameters = [messages.ResponseParameters(size=size) for size in sizes]
    return messages.StreamingOutputCallRequest(response_parameters=parameters, payload=zeros(payload), **more)


def input_requests():
    return (messages.StreamingInputCallRequest(payload=zeros(size)) for size in REQUEST_SIZES)


def one_by_one(requests):
    """An iterator that ends when `None` is put into the queue."""
    return iter(requests.get, None)


def empty_unary(stub):
    want(messages.Empty(), stub.EmptyCall(messages.Empty()))


def large_unary(stub):
    want(bytes(LARGE_RESPONSE), stub.UnaryCall(large()).payload.body)


def client_streaming(stub):
    want(sum(REQUEST_SIZES), stub.StreamingInputCall(input_requests()).aggregated_payload_size)


def server_streaming(stub):
    responses = stub.StreamingOutputCall(output_request(*RESPONSE_SIZES))
    want(RESPONSE_SIZES, [len(response.payload.body) for response in responses])


def ping_pong(stub):
    requests = queue.Queue()
    responses = stub.FullDuplexCall(one_by_one(requests))
    for request_size, response_size in zip(REQUEST_SIZES, RESPONSE_SIZES):
        requests.put(output_request(response_size, payload=request_size))
        want(response_size, len(next(responses).payload.body))
    requests.put(None)
    want([], list(responses))


def empty_stream(stub):
    want([], list(stub.FullDuplexCall(iter(()))))


def custom_metadata(stub):
    _, call = stub.UnaryCall.with_call(large(), metadata=METADATA)
    want_echo(call)
    call = stub.FullDuplexCall(iter([output_request(LARGE_RESPONSE, payload=LARGE_REQUEST)]), metadata=METADATA)
    want(1, len(list(call)))
    want_echo(call)


def want_echo(call):
    want([METADATA[0][1]], [value for key, value in call.initial_metadata() if key == ECHO_INITIAL])
    want([METADATA[1][1]], [value for key, value in call.trailing_metadata() if key == ECHO_TRAILING])


def status_code_and_message(stub):
    status = messages.EchoStatus(code=2, message=STATUS_MESSAGE)
    request = messages.SimpleRequest(response_status=status)
    want_status(stub.UnaryCall.future(request), grpc.StatusCode.UNKNOWN, STATUS_MESSAGE)
    requests = iter([output_request(response_status=status)])
    want_status(stub.FullDuplexCall(requests), grpc.StatusCode.UNKNOWN, STATUS_MESSAGE)


def special_status_message(stub):
    status = messages.EchoStatus(code=2, message=SPECIAL_STATUS_MESSAGE)
    request = messages.SimpleRequest(response_status=status)
    want_status(stub.UnaryCall.future(request), grpc.StatusCode.UNKNOWN, SPECIAL_STATUS_MESSAGE)


def unimplemented_method(stub):
    want_status(stub.UnimplementedCall.future(messages.Empty()), grpc.StatusCode.UNIMPLEMENTED)


def cancel_after_begin(stub):
    requests = queue.Queue()
    call = stub.StreamingInputCall.future(one_by_one(requests))
    call.cancel()
    want(grpc.StatusCode.CANCELLED, call.code())
    requests.put(None)


def cancel_after_first_response(stub):
    requests = queue.Queue()
    call = stub.FullDuplexCall(one_by_one(requests))
    requests.put(output_request(RESPONSE_SIZES[0], payload=REQUEST_SIZES[0]))
    want(RESPONSE_SIZES[0], len(next(call).payload.body))
    call.cancel()
    want(grpc.StatusCode.CANCELLED, call.code())
    requests.put(None)


def timeout_on_sleeping_server(stub):
    requests = queue.Queue()
    requests.put(output_request(payload=REQUEST_SIZES[0]))
    call = stub.FullDuplexCall(one_by_one(requests), timeout=0.001)
    try:
        next(call)
    except grpc.RpcError as error:
        want(grpc.StatusCode.DEADLINE_EXCEEDED, error.code())
    else:
        raise AssertionError("wanted DEADLINE_EXCEEDED, but a response came")
    finally:
        requests.put(None)


def server_compressed_unary(stub):
    """grpcio does not show the flag of a message; that the message is read is what it can say."""
    for value in (True, False):
        response = stub.UnaryCall(large(response_compressed=messages.BoolValue(value=value)))
        want(bytes(LARGE_RESPONSE), response.payload.body)


def server_compressed_streaming(stub):
    request = messages.StreamingOutputCallRequest()
    for size, value in ((31415, True), (92653, False)):
        request.response_parameters.add(size=size, compressed=messages.BoolValue(value=value))
    want([31415, 92653], [len(response.payload.body) for response in stub.StreamingOutputCall(request)])


def client_compressed_unary(stub):
    compressed = large(expect_compressed=messages.BoolValue(value=True))
    want_status(stub.UnaryCall.future(compressed), grpc.StatusCode.INVALID_ARGUMENT)
    response = stub.UnaryCall(compressed, compression=grpc.Compression.Gzip)
    want(LARGE_RESPONSE, len(response.payload.body))
    response = stub.UnaryCall(large(expect_compressed=messages.BoolValue(value=False)))
    want(LARGE_RESPONSE, len(response.payload.body))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--server_host", default="localhost")
    parser.add_argument("--server_host_override")
    parser.add_argument("--server_port", type=int, required=True)
    parser.add_argument("--test_case", required=True)
    parser.add_argument("--use_tls", type=boolean, default=False)
    parser.add_argument("--use_test_ca", type=boolean, default=False)
    parser.add_argument("--ca_file")
    flags = parser.parse_args()
    target = f"{flags.server_host}:{flags.server_port}"
    if flags.use_tls:
        roots = read(flags.ca_file) if flags.use_test_ca else None
        override = flags.server_host_override
        options = [("grpc.ssl_target_name_override", override)] if override else []
        channel = grpc.secure_channel(target, grpc.ssl_channel_credentials(roots), options)
    else:
        channel = grpc.insecure_channel(target)
    with channel:
        if flags.test_case == "unimplemented_service":
            unimplemented_method(services.UnimplementedServiceStub(channel))
        else:
            globals()[flags.test_case](services.TestServiceStub(channel))


main()
