"""What models do beside computing, tried one after the other; prints the names of what went well.

Run inside a container: it stops at the first call that its filter of system calls refuses.
"""

from __future__ import annotations

import asyncio
import http.client
import http.server
import multiprocessing
import os
import shutil
import sys
import tempfile
import threading
from multiprocessing import shared_memory
from pathlib import Path

import numba
import numpy as np
import SimpleITK
import torch
from joblib import Parallel, delayed
from torch import distributed
from torch.utils.data import DataLoader

LOOPBACK = "127.0.0.1"


class Squares:
    """Few, and too large for a pipe."""

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.full((256, 256), float(index))


def threads() -> None:
    torch.set_num_threads(2)
    with torch.inference_mode():
        found = torch.nn.Conv3d(1, 8, 3)(torch.rand(1, 1, 16, 32, 32))
    assert found.shape == (1, 8, 14, 30, 30)


def loaders() -> None:
    for strategy in torch.multiprocessing.get_all_sharing_strategies():
        torch.multiprocessing.set_sharing_strategy(strategy)
        batches = DataLoader(Squares(), batch_size=4, num_workers=2)
        assert sum(float(batch.mean()) for batch in batches) == 1.5 + 5.5


def pools() -> None:
    for method in ("fork", "spawn"):
        with multiprocessing.get_context(method).Pool(1) as pool:
            assert pool.map(abs, [-1, -2]) == [1, 2]
    assert Parallel(2)(delayed(abs)(-each) for each in range(3)) == [0, 1, 2]


def memory() -> None:
    block = shared_memory.SharedMemory(create=True, size=4096)
    block.close()
    block.unlink()


def programs() -> None:
    async def run() -> bytes:
        process = await asyncio.create_subprocess_exec("echo", "well", stdout=-1)
        return (await process.communicate())[0]

    assert asyncio.run(run()) == b"well\n"


def servers() -> None:
    handler = http.server.SimpleHTTPRequestHandler
    with http.server.ThreadingHTTPServer((LOOPBACK, 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        connection = http.client.HTTPConnection(LOOPBACK, server.server_port)
        connection.request("HEAD", "/")
        assert connection.getresponse().status == http.client.OK
        server.shutdown()


def files() -> None:
    with tempfile.TemporaryDirectory() as folder:
        first = Path(folder, "first")
        first.write_text("text", encoding="utf-8")
        shutil.copy2(first, Path(folder, "second"))
        os.mkfifo(Path(folder, "pipe"))
        first.rename(Path(folder, "third"))


def images() -> None:
    image = SimpleITK.GetImageFromArray(np.ones((16, 16, 16), dtype=np.float32))
    assert SimpleITK.SmoothingRecursiveGaussian(image, 1.0).GetSize() == (16, 16, 16)


@numba.njit(parallel=True)
def total(values: np.ndarray) -> float:
    found = 0.0
    for index in numba.prange(values.size):
        found += values[index]
    return found


def compiled() -> None:
    assert total(np.ones(1000)) == 1000


def groups() -> None:
    distributed.init_process_group(
        "gloo", init_method=f"tcp://{LOOPBACK}:29500", rank=0, world_size=1
    )
    distributed.destroy_process_group()


if __name__ == "__main__":
    for step in (
        *(threads, loaders, pools, memory, programs, servers),
        *(files, images, compiled, groups),
    ):
        step()
        sys.stdout.write(f"{step.__name__}\n")
