# MLIR, LLVM and Halide: found once, linked as shared libraries so that a change links in seconds.
find_package(MLIR 22.1 REQUIRED CONFIG PATHS /usr/lib/llvm-22/lib/cmake/mlir)
list(APPEND CMAKE_MODULE_PATH ${MLIR_CMAKE_DIR} ${LLVM_CMAKE_DIR})
list(GET MLIR_INCLUDE_DIRS 0 MLIR_MAIN_INCLUDE)
include(TableGen)
include(AddLLVM)
include(AddMLIR)

file(GLOB HALIDE_WHEEL ${CMAKE_SOURCE_DIR}/.venv/lib/python3*/site-packages/halide)
list(APPEND CMAKE_PREFIX_PATH ${HALIDE_WHEEL})
set(HalideHelpers_DIR ${HALIDE_WHEEL}/lib64/cmake/HalideHelpers CACHE PATH "")
find_package(Halide 21 REQUIRED CONFIG PATHS ${HALIDE_WHEEL}/lib64/cmake/Halide)
find_package(nlohmann_json 3.11 REQUIRED)

add_library(gemmac_llvm INTERFACE)
target_include_directories(gemmac_llvm SYSTEM INTERFACE ${LLVM_INCLUDE_DIRS})
target_link_libraries(gemmac_llvm INTERFACE LLVM gemmac_options)
# Headers of LLVM and MLIR and tablegen'd code are not ours to fix.
target_compile_options(gemmac_llvm INTERFACE -Wno-deprecated-declarations)

add_library(gemmac_mlir INTERFACE)
target_include_directories(gemmac_mlir SYSTEM INTERFACE ${MLIR_INCLUDE_DIRS})
target_link_libraries(gemmac_mlir INTERFACE MLIR gemmac_llvm)

# Interfaces of ops: declarations and definitions from FILE.td
function(gemmac_interface_tablegen name file)
  set(LLVM_TARGET_DEFINITIONS ${file}.td)
  mlir_tablegen(${file}.h.inc -gen-op-interface-decls -I${CMAKE_SOURCE_DIR} -I${MLIR_MAIN_INCLUDE})
  mlir_tablegen(${file}.cpp.inc -gen-op-interface-defs -I${CMAKE_SOURCE_DIR} -I${MLIR_MAIN_INCLUDE})
  add_public_tablegen_target(${name})
endfunction()

# A dialect of ours: declarations and definitions of ops, types, attributes and enums from FILE.td
function(gemmac_dialect_tablegen name dialect file)
  set(LLVM_TARGET_DEFINITIONS ${file}.td)
  mlir_tablegen(${file}.h.inc -gen-op-decls -I${CMAKE_SOURCE_DIR} -I${MLIR_MAIN_INCLUDE})
  mlir_tablegen(${file}.cpp.inc -gen-op-defs -I${CMAKE_SOURCE_DIR} -I${MLIR_MAIN_INCLUDE})
  mlir_tablegen(${file}Dialect.h.inc -gen-dialect-decls -dialect=${dialect} -I${CMAKE_SOURCE_DIR} -I${MLIR_MAIN_INCLUDE})
  mlir_tablegen(${file}Dialect.cpp.inc -gen-dialect-defs -dialect=${dialect} -I${CMAKE_SOURCE_DIR} -I${MLIR_MAIN_INCLUDE})
  mlir_tablegen(${file}Enums.h.inc -gen-enum-decls -I${CMAKE_SOURCE_DIR} -I${MLIR_MAIN_INCLUDE})
  mlir_tablegen(${file}Enums.cpp.inc -gen-enum-defs -I${CMAKE_SOURCE_DIR} -I${MLIR_MAIN_INCLUDE})
  mlir_tablegen(${file}Attributes.h.inc -gen-attrdef-decls -attrdefs-dialect=${dialect} -I${CMAKE_SOURCE_DIR} -I${MLIR_MAIN_INCLUDE})
  mlir_tablegen(${file}Attributes.cpp.inc -gen-attrdef-defs -attrdefs-dialect=${dialect} -I${CMAKE_SOURCE_DIR} -I${MLIR_MAIN_INCLUDE})
  add_public_tablegen_target(${name})
endfunction()
