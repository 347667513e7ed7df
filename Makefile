# The two commands that a newcomer needs. Everything else: cmake --preset release && cmake --build build.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export CCACHE_BASEDIR := $(CURDIR)
export CCACHE_NOHASHDIR := 1

PROMPT := ROMEO:

.PHONY: demo test configure setup

demo: configure ## compile the example model for this machine and let it write
	cmake --build build --target gemmac gemmac_shipped
	build/bin/gemmac compile examples/bard-e2b --target host --scheme q4_0 -o build/bard
	@printf '%s' '$(PROMPT)'
	@build/bard/bard_e2b --prompt '$(PROMPT)' --n-predict 120 --temp 0.8 --seed 1 --stats

test: configure ## every test
	cmake --build build
	ctest --test-dir build --output-on-failure -j2

configure: setup
	@[ -f build/build.ninja ] || cmake --preset release

setup:
	@scripts/setup.sh
