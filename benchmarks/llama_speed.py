"""llama.cpp as a process that answers commands: runs with a Python that has llama-cpp-python, started by compare.py.

    llama_speed.py FILE.gguf CONTEXT THREADS

Commands are lines on standard input, each is answered by one line of JSON, as an emitted program does with --bench:

    fill N       forgets all tokens, then runs N; the state is kept, so that the same fill is done once
    prompt N     runs N tokens in batches of 512 with the logits of the last       {"nanoseconds": 81234567}
    generate N   runs N tokens one by one, each with its logits, as llama-bench does
"""
import ctypes
import json
import sys
import time

import llama_cpp as llama

BATCH = 512


class Measured:
    def __init__(self, path, context, threads):
        llama.llama_backend_init()
        parameters = llama.llama_model_default_params()
        parameters.n_gpu_layers = 0
        model = llama.llama_model_load_from_file(path.encode(), parameters)
        if not model:
            sys.exit(f"llama.cpp cannot load '{path}'")
        parameters = llama.llama_context_default_params()
        parameters.n_ctx = context
        parameters.n_batch = parameters.n_ubatch = BATCH
        parameters.n_threads = parameters.n_threads_batch = threads
        parameters.flash_attn_type = llama.LLAMA_FLASH_ATTN_TYPE_ENABLED
        parameters.swa_full = False  # as llama-bench has it
        self.context = llama.llama_init_from_model(model, parameters)
        if not self.context:
            sys.exit(f"llama.cpp cannot make a context of {context} tokens for '{path}'")
        self.vocabulary = llama.llama_vocab_n_tokens(llama.llama_model_get_vocab(model))
        self.position = 0
        self.filled = {}

    def token(self):
        """The same id at the same position every time."""
        return (self.position * 2654435761 >> 8) % self.vocabulary

    def run(self, count):
        """One call of llama.cpp, whose last token gets logits."""
        ids = (llama.llama_token * count)()
        for index in range(count):
            ids[index] = self.token()
            self.position += 1
        if llama.llama_decode(self.context, llama.llama_batch_get_one(ids, count)):
            sys.exit("llama_decode failed")
        llama.llama_synchronize(self.context)

    def fill(self, count):
        llama.llama_memory_clear(llama.llama_get_memory(self.context), True)
        self.position = 0
        if count in self.filled:
            state = self.filled[count]
            llama.llama_state_seq_set_data(self.context, state, len(state), 0)
            self.position = count
        elif count:
            self.prompt(count)
            size = llama.llama_state_seq_get_size(self.context, 0)
            state = (ctypes.c_uint8 * size)()
            llama.llama_state_seq_get_data(self.context, state, size, 0)
            self.filled[count] = state

    def prompt(self, count):
        while count:
            batch = min(count, BATCH)
            self.run(batch)
            count -= batch

    def generate(self, count):
        for _ in range(count):
            self.run(1)


def main():
    path, context, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    measured = Measured(path, context, threads)
    for line in sys.stdin:
        command, count = line.split()
        begin = time.monotonic_ns()
        getattr(measured, command)(int(count))
        print(json.dumps({"nanoseconds": time.monotonic_ns() - begin}), flush=True)


if __name__ == "__main__":
    main()
