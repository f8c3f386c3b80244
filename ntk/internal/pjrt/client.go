package pjrt

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"unsafe"
)

// Client is the devices of a plugin.
type Client struct {
	Plugin   *Plugin
	Platform string // "cpu", "cuda"
	Version  string // of the plugin's libraries, in its own words
	Devices  []*Device

	handle unsafe.Pointer
}

// Device is one of them.
type Device struct {
	Client *Client
	Number int    // from 0
	Kind   string // "NVIDIA H200"

	handle unsafe.Pointer
}

// Options are numbers of type int64, and yes or no, that a plugin knows by name: cpu_device_count,
// preallocate.
type Options map[string]any

// NewClient makes the devices ready, and tries each on a small program with numbers whose result
// is known, so that a plugin that differs is refused and not believed: a wrong place in a struct
// gives zeros, no error.
func (p *Plugin) NewClient(options Options) (*Client, error) {
	args := &clientCreateArgs{structSize: sizeClientCreateArgs}
	var names [][]byte
	var values []namedValue
	for name, value := range options {
		n := []byte(name)
		names = append(names, n)
		v := namedValue{
			structSize: sizeNamedValue, name: unsafe.Pointer(&n[0]), nameSize: uintptr(len(n)),
			valueSize: 1,
		}
		switch value := value.(type) {
		case int64:
			v.kind, v.value1 = namedValueKInt64, uint64(value)
		case bool:
			v.kind = namedValueKBool
			if value {
				v.value1 = 1
			}
		default:
			return nil, fmt.Errorf("pjrt: the option %s is a %T", name, value)
		}
		values = append(values, v)
	}
	if len(values) > 0 {
		args.createOptions, args.numOptions = unsafe.Pointer(&values[0]), uintptr(len(values))
	}
	err := p.call(atClientCreate, "looking for devices", unsafe.Pointer(args))
	runtime.KeepAlive(names)
	if err != nil {
		var e *Error
		if errors.As(err, &e) && !errors.Is(e, ErrVersion) && e.Code != errorCodeInvalidArgument {
			e.Kind = ErrNoDevice
		}
		return nil, err
	}
	c := &Client{Plugin: p, handle: args.client}
	if err := errors.Join(c.describe(), c.find()); err != nil {
		_ = c.Close()
		return nil, err
	}
	if err := c.check(); err != nil {
		_ = c.Close()
		return nil, fmt.Errorf("pjrt: %s is not used, because it failed a test: %w", p.Path, err)
	}
	return c, nil
}

// describe asks for the names.
func (c *Client) describe() error {
	name := &clientPlatformNameArgs{structSize: sizeClientPlatformNameArgs, client: c.handle}
	version := &clientPlatformVersionArgs{
		structSize: sizeClientPlatformVersionArgs, client: c.handle,
	}
	err := errors.Join(
		c.Plugin.call(atClientPlatformName, "asking for the platform", unsafe.Pointer(name)),
		c.Plugin.call(atClientPlatformVersion, "asking for its version", unsafe.Pointer(version)))
	c.Platform = text(name.platformName, name.platformNameSize)
	c.Version = text(version.platformVersion, version.platformVersionSize)
	return err
}

// find lists the devices.
func (c *Client) find() error {
	p := c.Plugin
	args := &clientAddressableDevicesArgs{
		structSize: sizeClientAddressableDevicesArgs, client: c.handle,
	}
	err := p.call(atClientAddressableDevices, "listing the devices", unsafe.Pointer(args))
	if err != nil {
		return err
	}
	if args.addressableDevices == nil || args.numAddressableDevices == 0 {
		return fmt.Errorf("pjrt: %s: %w: its list is empty", p.Path, ErrNoDevice)
	}
	for i, handle := range unsafe.Slice((*unsafe.Pointer)(args.addressableDevices),
		args.numAddressableDevices) {
		about := &deviceGetDescriptionArgs{
			structSize: sizeDeviceGetDescriptionArgs, device: handle,
		}
		if err := p.call(atDeviceGetDescription, "describing a device",
			unsafe.Pointer(about)); err != nil {
			return err
		}
		kind := &deviceDescriptionKindArgs{
			structSize: sizeDeviceDescriptionKindArgs, deviceDescription: about.deviceDescription,
		}
		if err := p.call(atDeviceDescriptionKind, "naming a device",
			unsafe.Pointer(kind)); err != nil {
			return err
		}
		c.Devices = append(c.Devices,
			&Device{c, i, text(kind.deviceKind, kind.deviceKindSize), handle})
	}
	return nil
}

// Close frees the client. Its buffers and programs must be freed before.
func (c *Client) Close() error {
	if c.handle == nil {
		return nil
	}
	args := &clientDestroyArgs{structSize: sizeClientDestroyArgs, client: c.handle}
	c.handle = nil
	return c.Plugin.call(atClientDestroy, "freeing the devices", unsafe.Pointer(args))
}

// trial multiplies x and y, adds them up over the columns, and takes the larger of two integers.
const trial = `module @trial {
  func.func @main(%x: tensor<2x3xf32>, %y: tensor<3x2xf32>, %i: tensor<2xi32>)
      -> (tensor<2x2xf32>, tensor<2xi32>, tensor<f32>) {
    %z = stablehlo.dot_general %x, %y, contracting_dims = [1] x [0],
      precision = [HIGHEST, HIGHEST]
      : (tensor<2x3xf32>, tensor<3x2xf32>) -> tensor<2x2xf32>
    %five = stablehlo.constant dense<5> : tensor<2xi32>
    %j = stablehlo.maximum %i, %five : tensor<2xi32>
    %zero = stablehlo.constant dense<0.0> : tensor<f32>
    %s = stablehlo.reduce(%x init: %zero) applies stablehlo.add across dimensions = [0, 1]
      : (tensor<2x3xf32>, tensor<f32>) -> tensor<f32>
    return %z, %j, %s : tensor<2x2xf32>, tensor<2xi32>, tensor<f32>
  }
}`

// check runs trial on every device.
func (c *Client) check() error {
	program, err := c.Compile(trial)
	if err != nil {
		return err
	}
	defer program.Free()
	for _, d := range c.Devices {
		if err := d.check(program); err != nil {
			return fmt.Errorf("device %d: %w", d.Number, err)
		}
	}
	return nil
}

func (d *Device) check(program *Program) (err error) {
	var in, out Buffers
	defer func() { in.Free(); out.Free() }()
	in.Add(Upload(d, []float32{1, 2, 3, 4, 5, 6}, 2, 3))
	in.Add(Upload(d, []float32{1, -2, 3, -4, 5, 7}, 3, 2))
	in.Add(Upload(d, []int32{-9, 1 << 30}, 2))
	if in.Err != nil {
		return in.Err
	}
	if out.List, err = program.Run(d, in.List); err != nil {
		return err
	}
	if len(out.List) != 3 {
		return fmt.Errorf("a program of 3 results has %d", len(out.List))
	}
	var z [4]float32
	var j [2]int32
	var s [1]float32
	if err := errors.Join(Download(out.List[0], z[:], 2, 2), Download(out.List[1], j[:], 2),
		Download(out.List[2], s[:])); err != nil {
		return err
	}
	if z != [4]float32{22, 11, 49, 14} || j != [2]int32{5, 1 << 30} || s != [1]float32{21} {
		return fmt.Errorf("a product is %v, a maximum %v and a sum %v", z, j, s)
	}
	return nil
}

// Program is a compiled program, for any of the client's devices.
type Program struct {
	client  *Client
	handle  unsafe.Pointer
	outputs int
}

// Compile compiles StableHLO, as text, whose function main is run.
func (c *Client) Compile(stableHLO string) (*Program, error) {
	p, code, format := c.Plugin, []byte(stableHLO), []byte("mlir")
	args := &clientCompileArgs{
		structSize: sizeClientCompileArgs, client: c.handle,
		program: unsafe.Pointer(&program{
			structSize: sizeProgram,
			code:       unsafe.Pointer(&code[0]), codeSize: uintptr(len(code)),
			format: unsafe.Pointer(&format[0]), formatSize: uintptr(len(format)),
		}),
		compileOptions:     unsafe.Pointer(&compileOptions[0]),
		compileOptionsSize: uintptr(len(compileOptions)),
	}
	if err := p.call(atClientCompile, "compiling a program", unsafe.Pointer(args)); err != nil {
		return nil, err
	}
	out := &Program{client: c, handle: args.executable}
	of := &loadedExecutableGetExecutableArgs{
		structSize: sizeLoadedExecutableGetExecutableArgs, loadedExecutable: out.handle,
	}
	err := p.call(atLoadedExecutableGetExecutable, "asking for a program", unsafe.Pointer(of))
	if err != nil {
		out.Free()
		return nil, err
	}
	count := &executableNumOutputsArgs{
		structSize: sizeExecutableNumOutputsArgs, executable: of.executable,
	}
	err = p.call(atExecutableNumOutputs, "asking for the results", unsafe.Pointer(count))
	free := &executableDestroyArgs{
		structSize: sizeExecutableDestroyArgs, executable: of.executable,
	}
	if err := errors.Join(err, p.call(atExecutableDestroy, "freeing a program",
		unsafe.Pointer(free))); err != nil {
		out.Free()
		return nil, err
	}
	out.outputs = int(count.numOutputs)
	return out, nil
}

// Free frees the program.
func (g *Program) Free() error {
	if g == nil || g.handle == nil {
		return nil
	}
	args := &loadedExecutableDestroyArgs{
		structSize: sizeLoadedExecutableDestroyArgs, executable: g.handle,
	}
	g.handle = nil
	return g.client.Plugin.call(atLoadedExecutableDestroy, "freeing a program",
		unsafe.Pointer(args))
}

// Run runs the program on a device, where its arguments are, waits for it, and returns its
// results, which the caller frees.
func (g *Program) Run(d *Device, arguments []*Buffer) ([]*Buffer, error) {
	const doing = "running a program"
	in, out := make([]unsafe.Pointer, len(arguments)+1), make([]unsafe.Pointer, g.outputs+1)
	for i, a := range arguments {
		if in[i] = a.handle; in[i] == nil {
			return nil, fmt.Errorf("pjrt: %s: argument %d was freed", doing, i)
		}
	}
	ins, outs := unsafe.Pointer(&in[0]), unsafe.Pointer(&out[0])
	var done unsafe.Pointer
	args := &loadedExecutableExecuteArgs{
		structSize: sizeLoadedExecutableExecuteArgs, executable: g.handle,
		options:       unsafe.Pointer(&executeOptions{structSize: sizeExecuteOptions}),
		argumentLists: unsafe.Pointer(&ins), numDevices: 1, numArgs: uintptr(len(arguments)),
		outputLists: unsafe.Pointer(&outs), deviceCompleteEvents: unsafe.Pointer(&done),
		executeDevice: d.handle,
	}
	p := g.client.Plugin
	if err := p.call(atLoadedExecutableExecute, doing, unsafe.Pointer(args)); err != nil {
		return nil, err
	}
	results := make([]*Buffer, g.outputs)
	for i := range results {
		results[i] = &Buffer{p, out[i]}
	}
	if err := p.wait(doing, done); err != nil {
		for _, b := range results {
			b.Free()
		}
		return nil, err
	}
	runtime.KeepAlive(arguments)
	return results, nil
}

// Buffer is an array on a device.
type Buffer struct {
	plugin *Plugin
	handle unsafe.Pointer
}

// Free frees the array.
func (b *Buffer) Free() error {
	if b == nil || b.handle == nil {
		return nil
	}
	args := &bufferDestroyArgs{structSize: sizeBufferDestroyArgs, buffer: b.handle}
	b.handle = nil
	return b.plugin.call(atBufferDestroy, "freeing an array", unsafe.Pointer(args))
}

// Buffers gathers arrays, until the first error.
type Buffers struct {
	List []*Buffer
	Err  error
}

// Add takes an array, or an error.
func (s *Buffers) Add(b *Buffer, err error) {
	if s.Err == nil {
		s.Err = err
	}
	if b != nil {
		s.List = append(s.List, b)
	}
}

// Free frees all.
func (s *Buffers) Free() {
	for _, b := range s.List {
		b.Free()
	}
	s.List = nil
}

// Upload copies numbers to a device, as an array of these dimensions, the last varying fastest.
func Upload[T Number](d *Device, numbers []T, dimensions ...int64) (*Buffer, error) {
	size := int64(1)
	for _, n := range dimensions {
		size *= n
	}
	if size != int64(len(numbers)) || size == 0 {
		return nil, fmt.Errorf("pjrt: %d numbers are no array of dimensions %v", len(numbers),
			dimensions)
	}
	p := d.Client.Plugin
	args := &clientBufferFromHostBufferArgs{
		structSize: sizeClientBufferFromHostBufferArgs, client: d.Client.handle,
		data: unsafe.Pointer(&numbers[0]), kind: elementType[T](),
		numDims:             uintptr(len(dimensions)),
		hostBufferSemantics: hostBufferSemanticsKImmutableOnlyDuringCall, device: d.handle,
	}
	if len(dimensions) > 0 {
		args.dims = unsafe.Pointer(&dimensions[0])
	}
	err := p.call(atClientBufferFromHostBuffer, "copying an array to the device",
		unsafe.Pointer(args))
	if err != nil {
		return nil, err
	}
	p.dropEvent(args.doneWithHostBuffer)
	return &Buffer{p, args.buffer}, nil
}

// Download copies an array from its device. It reports one of other dimensions or numbers.
func Download[T Number](b *Buffer, into []T, dimensions ...int64) error {
	p, size := b.plugin, int64(1)
	for _, n := range dimensions {
		size *= n
	}
	if size != int64(len(into)) || size == 0 {
		return fmt.Errorf("pjrt: %d numbers are no array of dimensions %v", len(into), dimensions)
	}
	kind := &bufferElementTypeArgs{structSize: sizeBufferElementTypeArgs, buffer: b.handle}
	shape := &bufferDimensionsArgs{structSize: sizeBufferDimensionsArgs, buffer: b.handle}
	if err := errors.Join(
		p.call(atBufferElementType, "asking for the type of an array", unsafe.Pointer(kind)),
		p.call(atBufferDimensions, "asking for the size of an array", unsafe.Pointer(shape)),
	); err != nil {
		return err
	}
	var got []int64
	if shape.numDims > 0 {
		got = unsafe.Slice((*int64)(shape.dims), shape.numDims)
	}
	if kind.kind != elementType[T]() || !slices.Equal(got, dimensions) {
		return fmt.Errorf("pjrt: an array of type %d has dimensions %v, where type %d and %v "+
			"were expected", kind.kind, got, elementType[T](), dimensions)
	}
	args := &bufferToHostBufferArgs{
		structSize: sizeBufferToHostBufferArgs, src: b.handle, dst: unsafe.Pointer(&into[0]),
		dstSize: uintptr(len(into)) * unsafe.Sizeof(into[0]),
	}
	const doing = "copying an array from the device"
	if err := p.call(atBufferToHostBuffer, doing, unsafe.Pointer(args)); err != nil {
		return err
	}
	err := p.wait(doing, args.event)
	runtime.KeepAlive(into)
	return err
}
