"""Asks a server as KServe's own client does, and prints what it said as JSON; for the interpreter of ``.venv-kserve``.

Arguments: the server's address, a model, a key, and pictures.
"""

import asyncio
import base64
import json
import sys
from pathlib import Path

import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig


async def main(address, model, key, pictures):
    headers = {"Authorization": f"Bearer {key}"}
    first, second = InferenceRESTClient(RESTConfig(protocol="v1")), InferenceRESTClient(RESTConfig(protocol="v2"))
    tensor = InferInput("image", [len(pictures)], "BYTES")
    tensor.set_data_from_numpy(np.array(pictures, dtype=np.object_), binary_data=True)
    instances = [{"image": {"b64": base64.b64encode(picture).decode()}} for picture in pictures]
    tensors = await second.infer(address, InferRequest(model, [tensor]), model_name=model, headers=dict(headers))
    said = {
        "live": await second.is_server_live(address),
        "ready": await second.is_server_ready(address),
        "model ready": [await client.is_model_ready(address, model, headers=headers) for client in (first, second)],
        "v1": await first.infer(address, {"instances": instances}, model_name=model, headers=headers),
        "v2": {output.name: output.as_numpy().tolist() for output in tensors.outputs if output.datatype != "BYTES"},
    }
    sys.stdout.write(json.dumps(said))


asyncio.run(main(*sys.argv[1:4], [Path(path).read_bytes() for path in sys.argv[4:]]))
