# Text tests: every .mlir file below this folder says in its RUN lines how it is tried.
import lit.formats
import os

config.name = "gemmac"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = config.gemmac_binary_dir + "/test"
config.environment["PATH"] = os.pathsep.join(
    [config.gemmac_binary_dir + "/bin", config.llvm_tools_dir, config.environment["PATH"]])
