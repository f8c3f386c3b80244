package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The struct's bytes in C: 8 size, 4 type, 1 ready and 3 to fill up, 8 names, 4 small and 4 to
// fill up, 8, 8, 8, and 4 last: 60.
func TestGenerate(t *testing.T) {
	file := filepath.Join(t.TempDir(), "api.go")
	w := selection{functions: []string{"PJRT_Thing_Do"}, enums: []string{"PJRT_Color"}}
	if err := generate("testdata/small.h", file, w); err != nil {
		t.Fatal(err)
	}
	code, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Join(strings.Fields(string(code)), " ")
	for _, want := range []string{
		"of version 3.14.", "apiMajor = 3", "apiMinor = 14", "atThingDo function = 48",
		`atThingDo: "PJRT_Thing_Do"`,
		"type thingDoArgs struct { structSize uintptr kind int32 ready bool names unsafe.Pointer " +
			"small int32 notify unsafe.Pointer inlineOne unsafe.Pointer value1 uint64 " +
			"lastOne float32 }",
		"sizeThingDoArgs = 60", "colorRedIsh = 0 colorBlue = 7 colorU8 = 8",
	} {
		if !strings.Contains(lines, want) {
			t.Errorf("it has no %q:\n%s", want, code)
		}
	}
	if strings.Contains(lines, "host") {
		t.Errorf("a comment was read:\n%s", code)
	}
}

// What is not in the header, or not understood, is an error and leaves no file.
func TestGenerateErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "api.go")
	for want, w := range map[string]selection{
		"the table has no PJRT_Gone":              {functions: []string{"PJRT_Gone"}},
		"struct PJRT_Other_Args: it is not in":    {functions: []string{"PJRT_Other"}},
		`field odd: the type "int16_t" is not kn`: {structs: []string{"PJRT_Odd"}},
		"no enum PJRT_Shape":                      {enums: []string{"PJRT_Shape"}},
	} {
		err := generate("testdata/small.h", file, w)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: it does not say %q", err, want)
		}
	}
	err := generate("gen_test.go", file, selection{})
	if err == nil || !strings.Contains(err.Error(), "it is not pjrt_c_api.h") {
		t.Errorf("another file: %v", err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a file was written")
	}
}
