# The two commands that a newcomer needs. Everything else: cmake --preset release && cmake --build build.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export CCACHE_BASEDIR := $(CURDIR)
export CCACHE_NOHASHDIR := 1

.PHONY: demo test build setup

demo: build ## compile the example model for this machine and let it write
	build/bin/gemmac compile examples/bard-e2b --target host --scheme q4_0 -o build/bard
	build/bin/gemmac run build/bard --prompt "ROMEO:" --n-predict 120 --temp 0.8 --seed 1

test: build ## every test
	ctest --test-dir build --output-on-failure -j2

build: setup
	@[ -f build/build.ninja ] || cmake --preset release
	cmake --build build

setup:
	@scripts/setup.sh
