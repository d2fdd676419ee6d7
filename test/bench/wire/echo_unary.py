"""The usual way, for comparison: a gRPC server with one unary method that returns its request."""

import sys
from concurrent.futures import ThreadPoolExecutor

import grpc

from lifeline import end_with_stdin, ready

end_with_stdin()
echo = grpc.unary_unary_rpc_method_handler(lambda request, _context: request)
options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
server = grpc.server(ThreadPoolExecutor(max_workers=10), options=options)
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("terrarium.bench.Echo", {"Call": echo}),))
if server.add_insecure_port(f"unix:{sys.argv[1]}") == 0:
    sys.exit(f"cannot listen on {sys.argv[1]}")
server.start()
ready()
server.wait_for_termination()
