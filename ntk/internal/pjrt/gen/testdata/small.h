/* A header with the forms that the real one has: comments; of several lines,
   with struct Ghost { int x; }; in them. */
#define PJRT_API_MAJOR 3
#define PJRT_API_MINOR 14

typedef enum {
  PJRT_Color_RED_ISH,  // a comment, with a comma
  PJRT_Color_BLUE = 7,
  PJRT_Color_U8,
} PJRT_Color;

typedef int* (*PJRT_Notify)(
    int* a, void* b);

struct PJRT_Thing_Do_Args {
  size_t struct_size;
  PJRT_Color type;
  bool ready;  // out
  const char* const* names;
  int small;
  PJRT_Notify notify;
  void (*inline_one)(void* a, int b);
  union {
    const char* string_value;
    float float_value;
  };
  float last_one;
};
PJRT_DEFINE_STRUCT_TRAITS(PJRT_Thing_Do_Args,
                          last_one);

typedef struct PJRT_Odd {
  size_t struct_size;
  int16_t odd;
} PJRT_Odd;
PJRT_DEFINE_STRUCT_TRAITS(PJRT_Odd, odd);

#define _PJRT_API_STRUCT_FIELD(fn_type) fn_type* fn_type
typedef struct PJRT_Api {
  size_t struct_size;
  _PJRT_API_STRUCT_FIELD(PJRT_Other);
  _PJRT_API_STRUCT_FIELD(PJRT_Thing_Do);
} PJRT_Api;
