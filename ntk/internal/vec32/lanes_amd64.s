#include "go_asm.h"
#include "textflag.h"

DATA tiny<>+0(SB)/4, $0x0d800000 // 2^-100
GLOBL tiny<>(SB), RODATA|NOPTR, $4

// A place is 32 bytes.

// func products(dst, x, y *float32, n, channels int, scale float32)
TEXT ·products(SB), NOSPLIT, $0-44
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), BX
	MOVQ y+16(FP), SI
	MOVQ n+24(FP), CX
	MOVQ channels+32(FP), DX
	VBROADCASTSS scale+40(FP), Y2
	CMPQ DX, $3
	JEQ productsColours
productsPixel:
	VXORPS Y0, Y0, Y0
	MOVQ DX, AX
productsChannel:
	VBROADCASTSS (BX), Y1
	VFMADD231PS (SI), Y1, Y0
	ADDQ $4, BX
	ADDQ $32, SI
	DECQ AX
	JNZ productsChannel
	VMULPS Y2, Y0, Y0
	VMOVUPS Y0, (DI)
	ADDQ $32, DI
	DECQ CX
	JNZ productsPixel
	VZEROUPPER
	RET
productsColours:
	VBROADCASTSS (BX), Y0
	VBROADCASTSS 4(BX), Y1
	VBROADCASTSS 8(BX), Y3
	VMULPS (SI), Y0, Y0
	VFMADD231PS 32(SI), Y1, Y0
	VFMADD231PS 64(SI), Y3, Y0
	VMULPS Y2, Y0, Y0
	VMOVUPS Y0, (DI)
	ADDQ $12, BX
	ADDQ $96, SI
	ADDQ $32, DI
	DECQ CX
	JNZ productsColours
	VZEROUPPER
	RET

// func addRows(dst, a, b, c *float32, n int)
TEXT ·addRows(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DI
	MOVQ a+8(FP), BX
	MOVQ b+16(FP), SI
	MOVQ c+24(FP), DX
	MOVQ n+32(FP), CX
	XORQ AX, AX
addRowsLoop:
	VMOVUPS (BX)(AX*4), Y0
	VADDPS (SI)(AX*4), Y0, Y0
	VADDPS (DX)(AX*4), Y0, Y0
	VMOVUPS Y0, (DI)(AX*4)
	ADDQ $8, AX
	CMPQ AX, CX
	JLT addRowsLoop
	VZEROUPPER
	RET

// func addColumns(dst, src *float32, table *int32, n, size int, scale, shift float32, add *float32)
TEXT ·addColumns(SB), NOSPLIT, $0-56
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ table+16(FP), BX
	MOVQ n+24(FP), CX
	MOVQ size+32(FP), DX
	VBROADCASTSS scale+40(FP), Y1
	VBROADCASTSS shift+44(FP), Y2
	MOVQ add+48(FP), R8
	CMPQ DX, $3
	JEQ threePlace
addColumnsPlace:
	VXORPS Y0, Y0, Y0
	MOVQ DX, AX
addColumnsOne:
	MOVLQSX (BX), R9
	SHLQ $5, R9
	VADDPS (SI)(R9*1), Y0, Y0
	ADDQ $4, BX
	DECQ AX
	JNZ addColumnsOne
	VFMADD213PS Y2, Y1, Y0
	TESTQ R8, R8
	JZ addColumnsStore
	VADDPS (R8), Y0, Y0
	ADDQ $32, R8
addColumnsStore:
	VMOVUPS Y0, (DI)
	ADDQ $32, DI
	DECQ CX
	JNZ addColumnsPlace
	VZEROUPPER
	RET
threePlace:
	MOVLQSX (BX), R9
	MOVLQSX 4(BX), R10
	MOVLQSX 8(BX), R11
	SHLQ $5, R9
	SHLQ $5, R10
	SHLQ $5, R11
	VMOVUPS (SI)(R9*1), Y0
	VADDPS (SI)(R10*1), Y0, Y0
	VADDPS (SI)(R11*1), Y0, Y0
	ADDQ $12, BX
	VFMADD213PS Y2, Y1, Y0
	TESTQ R8, R8
	JZ threeStore
	VADDPS (R8), Y0, Y0
	ADDQ $32, R8
threeStore:
	VMOVUPS Y0, (DI)
	ADDQ $32, DI
	DECQ CX
	JNZ threePlace
	VZEROUPPER
	RET

// func scatter(dst, a, b *float32, to *int32, n int)
TEXT ·scatter(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DI
	MOVQ a+8(FP), SI
	MOVQ b+16(FP), DX
	MOVQ to+24(FP), BX
	MOVQ n+32(FP), CX
	LEAQ (BX)(CX*4), R8
scatterLoop:
	MOVLQSX (BX), R9
	MOVQ R9, R10
	SHLQ $5, R10
	VMOVUPS (SI), Y0
	TESTQ DX, DX
	JZ scatterNext
	VADDPS (DX), Y0, Y0
	ADDQ $32, DX
scatterNext:
	ADDQ $4, BX
	ADDQ $32, SI
	CMPQ BX, R8
	JGE scatterStore
	MOVLQSX (BX), R11
	CMPQ R11, R9
	JNE scatterStore
	VMOVUPS (SI), Y1
	TESTQ DX, DX
	JZ scatterTwo
	VADDPS (DX), Y1, Y1
	ADDQ $32, DX
scatterTwo:
	ADDQ $4, BX
	ADDQ $32, SI
	VADDPS Y1, Y0, Y0
scatterStore:
	VADDPS (DI)(R10*1), Y0, Y0
	VMOVUPS Y0, (DI)(R10*1)
	CMPQ BX, R8
	JLT scatterLoop
	VZEROUPPER
	RET

// func gather(dst, src *float32, from *int32, n int, scale float32)
TEXT ·gather(SB), NOSPLIT, $0-36
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ from+16(FP), BX
	MOVQ n+24(FP), CX
	VBROADCASTSS scale+32(FP), Y1
gatherLoop:
	MOVLQSX (BX), R9
	SHLQ $5, R9
	VMULPS (SI)(R9*1), Y1, Y0
	VMOVUPS Y0, (DI)
	ADDQ $4, BX
	ADDQ $32, DI
	DECQ CX
	JNZ gatherLoop
	VZEROUPPER
	RET

// func addPlaces(sum *place, src *float32, n int)
TEXT ·addPlaces(SB), NOSPLIT, $0-24
	MOVQ sum+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX
	VMOVUPS (DI), Y0
addPlacesLoop:
	VADDPS (SI), Y0, Y0
	ADDQ $32, SI
	DECQ CX
	JNZ addPlacesLoop
	VMOVUPS Y0, (DI)
	VZEROUPPER
	RET

// func arcsines(k, t, x, y *float32, n int, a *Arcsine)
TEXT ·arcsines(SB), NOSPLIT, $0-48
	MOVQ k+0(FP), DI
	MOVQ t+8(FP), SI
	MOVQ x+16(FP), BX
	MOVQ y+24(FP), R8
	MOVQ n+32(FP), CX
	MOVQ a+40(FP), DX
	VMOVUPS Arcsine_magnitude(DX), Y15
	VMOVUPS Arcsine_one(DX), Y14
	VMOVUPS Arcsine_two(DX), Y13
arcsinesLoop:
	VBROADCASTSS (BX), Y0
	VMOVUPS (R8), Y1
	VMOVUPS (DI), Y3
	VADDPS Y1, Y0, Y5
	VFMADD213PS Y14, Y13, Y5 // 1 + 2(x+y)
	VMULPS Y1, Y0, Y2
	VFMSUB213PS Y2, Y1, Y0 // what the product lost
	VFNMADD231PS Y3, Y3, Y2
	VADDPS Y0, Y2, Y4 // xy - k²
	VADDPS Y3, Y3, Y3 // 2k
	VADDPS Y4, Y4, Y4
	VFMADD213PS Y5, Y13, Y4 // D
	VMOVAPS Y4, Y5
	VFMADD231PS Y3, Y3, Y5
	VSQRTPS Y5, Y5 // √(D + 4k²)
	VANDPS Y15, Y3, Y6
	VDIVPS Y5, Y3, Y7 // r
	VADDPS Y6, Y5, Y8
	VMULPS Y5, Y8, Y8
	VDIVPS Y8, Y4, Y8 // 1 - |r|
	VSQRTPS Y8, Y9
	VMOVUPS Arcsine_angle+224(DX), Y10
	VMULPS Y7, Y7, Y11
	VMOVUPS Arcsine_small+160(DX), Y12
	VFMADD213PS Arcsine_angle+192(DX), Y8, Y10
	VFMADD213PS Arcsine_small+128(DX), Y11, Y12
	VFMADD213PS Arcsine_angle+160(DX), Y8, Y10
	VFMADD213PS Arcsine_small+96(DX), Y11, Y12
	VFMADD213PS Arcsine_angle+128(DX), Y8, Y10
	VFMADD213PS Arcsine_small+64(DX), Y11, Y12
	VFMADD213PS Arcsine_angle+96(DX), Y8, Y10
	VFMADD213PS Arcsine_small+32(DX), Y11, Y12
	VFMADD213PS Arcsine_angle+64(DX), Y8, Y10
	VFMADD213PS Arcsine_small+0(DX), Y11, Y12
	VFMADD213PS Arcsine_angle+32(DX), Y8, Y10
	VMULPS Y7, Y12, Y12 // for small r
	VFMADD213PS Arcsine_angle+0(DX), Y8, Y10
	VMULPS Y9, Y10, Y10
	VSUBPS Y10, Y14, Y10
	VANDNPS Y3, Y15, Y6
	VXORPS Y6, Y10, Y10 // for large r
	VCMPPS $0x12, Arcsine_most(DX), Y11, Y11
	VBLENDVPS Y11, Y12, Y10, Y10
	VMOVUPS Y10, (DI)
	TESTQ SI, SI
	JZ arcsinesNext
	VSQRTPS Y4, Y4
	VMOVUPS Arcsine_slope(DX), Y5
	VDIVPS Y4, Y5, Y5
	VMULPS (SI), Y5, Y5
	VMOVUPS Y5, (SI)
	ADDQ $32, SI
arcsinesNext:
	ADDQ $4, BX
	ADDQ $32, R8
	ADDQ $32, DI
	DECQ CX
	JNZ arcsinesLoop
	VZEROUPPER
	RET

// func series(k, t, x, y, b, c *float32, places, n int)
TEXT ·series(SB), NOSPLIT, $0-64
	MOVQ k+0(FP), DI
	MOVQ t+8(FP), SI
	MOVQ x+16(FP), BX
	MOVQ y+24(FP), R8
	MOVQ b+32(FP), R9
	MOVQ c+40(FP), R10
	MOVQ places+48(FP), CX
	MOVQ n+56(FP), DX
	VBROADCASTSS tiny<>(SB), Y15
	MOVQ DX, R11
	SHLQ $5, R11 // bytes of c at a place
seriesPlace:
	VBROADCASTSS (BX), Y0
	VMULPS (R8), Y0, Y0
	VSQRTPS Y0, Y0
	VMAXPS Y15, Y0, Y0
	VMOVUPS (DI), Y1
	VDIVPS Y0, Y1, Y1 // ρ
	VXORPS Y2, Y2, Y2 // the sum
	VXORPS Y3, Y3, Y3 // its derivative by ρ
	LEAQ (R9)(DX*4), R12
	LEAQ (R10)(R11*1), R13
	MOVQ DX, AX
seriesTerm:
	SUBQ $4, R12
	SUBQ $32, R13
	VBROADCASTSS (R12), Y4
	VFMADD213PS Y2, Y1, Y3
	VMULPS (R13), Y4, Y4
	VFMADD213PS Y4, Y1, Y2
	DECQ AX
	JNZ seriesTerm
	VMOVUPS Y2, (DI)
	TESTQ SI, SI
	JZ seriesNext
	VDIVPS Y0, Y3, Y3
	VMULPS (SI), Y3, Y3
	VMOVUPS Y3, (SI)
	ADDQ $32, SI
seriesNext:
	ADDQ $4, BX
	ADDQ $32, R8
	ADDQ $32, DI
	LEAQ (R9)(DX*4), R9
	ADDQ R11, R10
	DECQ CX
	JNZ seriesPlace
	VZEROUPPER
	RET
