# What every room of gemmac is compiled with.
find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

# Assertions stay on: they are cheap here, and a compiler that is wrong should say so.
set(CMAKE_CXX_FLAGS_RELEASE "-O2")
set(CMAKE_C_FLAGS_RELEASE "-O2")

add_library(gemmac_options INTERFACE)
target_include_directories(gemmac_options INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR})
target_compile_options(gemmac_options INTERFACE -Wall -Wextra -Werror -Wno-unused-parameter -Wno-comment)

# A library of one room: gemmac_room(NAME SOURCES… LINK libraries…)
function(gemmac_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;LINK;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ROOM_SOURCES})
  target_link_libraries(${name} PUBLIC gemmac_options ${ROOM_LINK})
  if(ROOM_DEPENDS)
    add_dependencies(${name} ${ROOM_DEPENDS})
  endif()
endfunction()
