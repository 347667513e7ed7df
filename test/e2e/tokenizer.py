#!/usr/bin/env python3
"""Text to ids and back through gemmac tokenize, on a sample of the recorded pairs (the tokenizer's own tests have all of them).

    tokenizer.py CHECKPOINT COMPILED
"""
import json
import os
import sys

import doors


def main():
    checkpoint, compiled = sys.argv[1:3]
    with open(os.path.join(checkpoint, "ref/tokenizer.json")) as file:
        record = json.load(file)
    for model in [checkpoint, compiled]:
        for pair in record["encode"][::5]:
            text = pair["text"].encode()
            expect_ids(model, text, [], pair["ids_with_bos"])
            expect_ids(model, text, ["--no-bos"], pair["ids"])
            expect_text(model, pair["ids"], [], pair["decoded"])
            expect_text(model, pair["ids"], ["--skip-special"], pair["decoded_skip_special"])
        for pair in record["decode"][::5]:
            expect_text(model, pair["ids"], [], pair["decoded"])
    doors.finish()


def expect_ids(model, text, options, wanted):
    got = [int(word) for word in doors.call("gemmac", "tokenize", model, *options, given=text).split()]
    doors.expect(got == wanted, f"{model} {options}: {text} is {got}, not {wanted}")


def expect_text(model, ids, options, wanted):
    given = " ".join(map(str, ids)).encode()
    got = doors.call("gemmac", "tokenize", model, "--decode", *options, given=given)
    doors.expect(got == wanted.encode(), f"{model} {options}: {ids} is {got}, not {wanted.encode()}")


if __name__ == "__main__":
    main()
