"""The interop server on grpcio: python server.py --port=10000 [--use_tls=true --tls_cert_file=... --tls_key_file=...]."""

import argparse
import concurrent.futures
import signal
import time

import grpc

from flags import ECHO_INITIAL, ECHO_TRAILING, boolean, messages, read, services, zeros


def echo_metadata(context):
    for key, value in context.invocation_metadata():
        if key == ECHO_INITIAL:
            context.send_initial_metadata(((key, value),))
        elif key == ECHO_TRAILING:
            context.set_trailing_metadata(((key, value),))


def echo_status(request, context):
    if request.HasField("response_status") and request.response_status.code != 0:
        for code in grpc.StatusCode:
            if code.value[0] == request.response_status.code:
                context.abort(code, request.response_status.message)


class TestService(services.TestServiceServicer):
    def EmptyCall(self, request, context):
        return messages.Empty()

    def UnaryCall(self, request, context):
        # Whether it is compressed is settled with the headers, so before they are sent.
        if request.response_compressed.value:
            context.set_compression(grpc.Compression.Gzip)
        echo_metadata(context)
        echo_status(request, context)
        return messages.SimpleResponse(payload=zeros(request.response_size))

    def StreamingOutputCall(self, request, context):
        yield from answers(request, context)

    def StreamingInputCall(self, requests, context):
        size = sum(len(request.payload.body) for request in requests)
        return messages.StreamingInputCallResponse(aggregated_payload_size=size)

    def FullDuplexCall(self, requests, context):
        echo_metadata(context)
        for request in requests:
            yield from answers(request, context)


def answers(request, context):
    echo_status(request, context)
    if any(parameters.compressed.value for parameters in request.response_parameters):
        context.set_compression(grpc.Compression.Gzip)
    for parameters in request.response_parameters:
        time.sleep(parameters.interval_us / 1e6)
        if not parameters.compressed.value:
            context.disable_next_message_compression()
        yield messages.StreamingOutputCallResponse(payload=zeros(parameters.size))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--use_tls", type=boolean, default=False)
    parser.add_argument("--tls_cert_file")
    parser.add_argument("--tls_key_file")
    flags = parser.parse_args()
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(max_workers=16))
    services.add_TestServiceServicer_to_server(TestService(), server)
    address = f"127.0.0.1:{flags.port}"
    if flags.use_tls:
        pair = (read(flags.tls_key_file), read(flags.tls_cert_file))
        server.add_secure_port(address, grpc.ssl_server_credentials([pair]))
    else:
        server.add_insecure_port(address)
    server.start()
    signal.signal(signal.SIGTERM, lambda *_: server.stop(0))
    server.wait_for_termination()


main()
