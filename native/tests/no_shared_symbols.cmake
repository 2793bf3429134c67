# Fails if an object file that was compiled for one instruction set defines a symbol that other files may also define
# (weak or unique: inline functions, templates). The linker keeps any one of the copies; if it kept this one, a
# processor without these instructions would run it. NM is the tool, OBJECTS are the files.
foreach(object IN LISTS OBJECTS)
  execute_process(COMMAND ${NM} -C --defined-only ${object} OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCHALL "[^\n]* [WVu] [^\n]*" shared "${symbols}")
  list(FILTER shared EXCLUDE REGEX "DW\\.ref\\.") # a pointer for the unwinder, no code
  if(shared)
    list(JOIN shared "\n  " shared)
    message(FATAL_ERROR "${object} defines symbols that other files may scanner:\n  ${shared}")
  endif()
endforeach()
