"""The Open Inference Protocol over gRPC; each call becomes a request to our own routes, so that every rule is there."""
