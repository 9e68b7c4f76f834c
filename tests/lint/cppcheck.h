/* cppcheck.h - the macros of libraries that cppcheck must know to read what uses them. */
#define json_array_foreach(array, index, value)                                                    \
    for ((index) = 0; ((value) = json_array_get(array, index)); (index)++)
#define json_object_foreach(object, key, value)                                                    \
    for ((key) = first_of(object); (key) && ((value) = json_object_get(object, key));              \
         (key) = next_of(object, key))
