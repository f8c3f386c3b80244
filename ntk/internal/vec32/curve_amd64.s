#include "textflag.h"

// func polynomial(x *float32, n int, a *place, terms int)
TEXT ·polynomial(SB), NOSPLIT, $0-32
	MOVQ x+0(FP), DI
	MOVQ n+8(FP), CX
	MOVQ a+16(FP), SI
	MOVQ terms+24(FP), DX
	SHLQ $5, DX // bytes of the coefficients
	CMPQ CX, $64
	JLT polynomialEight
polynomialMany:
	VMOVUPS (DI), Y0
	VMOVUPS 32(DI), Y1
	VMOVUPS 64(DI), Y2
	VMOVUPS 96(DI), Y3
	VMOVUPS 128(DI), Y4
	VMOVUPS 160(DI), Y5
	VMOVUPS 192(DI), Y6
	VMOVUPS 224(DI), Y7
	VMOVUPS (SI), Y8
	VMOVAPS Y8, Y9
	VMOVAPS Y8, Y10
	VMOVAPS Y8, Y11
	VMOVAPS Y8, Y12
	VMOVAPS Y8, Y13
	VMOVAPS Y8, Y14
	VMOVAPS Y8, Y15
	MOVQ $32, AX
	CMPQ AX, DX
	JGE polynomialManySet
polynomialManyTerm:
	VFMADD213PS (SI)(AX*1), Y0, Y8
	VFMADD213PS (SI)(AX*1), Y1, Y9
	VFMADD213PS (SI)(AX*1), Y2, Y10
	VFMADD213PS (SI)(AX*1), Y3, Y11
	VFMADD213PS (SI)(AX*1), Y4, Y12
	VFMADD213PS (SI)(AX*1), Y5, Y13
	VFMADD213PS (SI)(AX*1), Y6, Y14
	VFMADD213PS (SI)(AX*1), Y7, Y15
	ADDQ $32, AX
	CMPQ AX, DX
	JLT polynomialManyTerm
polynomialManySet:
	VMOVUPS Y8, (DI)
	VMOVUPS Y9, 32(DI)
	VMOVUPS Y10, 64(DI)
	VMOVUPS Y11, 96(DI)
	VMOVUPS Y12, 128(DI)
	VMOVUPS Y13, 160(DI)
	VMOVUPS Y14, 192(DI)
	VMOVUPS Y15, 224(DI)
	ADDQ $256, DI
	SUBQ $64, CX
	CMPQ CX, $64
	JGE polynomialMany
	TESTQ CX, CX
	JZ polynomialEnd
polynomialEight:
	VMOVUPS (DI), Y0
	VMOVUPS (SI), Y8
	MOVQ $32, AX
	CMPQ AX, DX
	JGE polynomialEightSet
polynomialEightTerm:
	VFMADD213PS (SI)(AX*1), Y0, Y8
	ADDQ $32, AX
	CMPQ AX, DX
	JLT polynomialEightTerm
polynomialEightSet:
	VMOVUPS Y8, (DI)
	ADDQ $32, DI
	SUBQ $8, CX
	JNZ polynomialEight
polynomialEnd:
	VZEROUPPER
	RET

// func rootCurve(c *float32, n int, table *place, terms int)
TEXT ·rootCurve(SB), NOSPLIT, $0-32
	MOVQ c+0(FP), DI
	MOVQ n+8(FP), CX
	MOVQ table+16(FP), SI
	MOVQ terms+24(FP), DX
	SHLQ $6, DX // bytes of the pairs of coefficients
	VMOVUPS (SI), Y12   // all bits but the sign
	VMOVUPS 32(SI), Y13 // 1
	VMOVUPS 64(SI), Y14 // equal within
	LEAQ 160(SI), BX
	CMPQ CX, $32
	JLT rootEight
rootMany:
	VANDPS (DI), Y12, Y0
	VANDPS 32(DI), Y12, Y1
	VANDPS 64(DI), Y12, Y2
	VANDPS 96(DI), Y12, Y3
	VSUBPS Y0, Y13, Y0
	VSUBPS Y1, Y13, Y1
	VSUBPS Y2, Y13, Y2
	VSUBPS Y3, Y13, Y3
	VCMPPS $14, Y14, Y0, Y15 // greater
	VANDPS Y15, Y0, Y0
	VCMPPS $14, Y14, Y1, Y15 // greater
	VANDPS Y15, Y1, Y1
	VCMPPS $14, Y14, Y2, Y15 // greater
	VANDPS Y15, Y2, Y2
	VCMPPS $14, Y14, Y3, Y15 // greater
	VANDPS Y15, Y3, Y3
	VSQRTPS Y0, Y0
	VSQRTPS Y1, Y1
	VSQRTPS Y2, Y2
	VSQRTPS Y3, Y3
	VADDPS Y0, Y0, Y0
	VSUBPS Y13, Y0, Y0
	VADDPS Y1, Y1, Y1
	VSUBPS Y13, Y1, Y1
	VADDPS Y2, Y2, Y2
	VSUBPS Y13, Y2, Y2
	VADDPS Y3, Y3, Y3
	VSUBPS Y13, Y3, Y3
	VMOVUPS (BX), Y4
	VMOVUPS 32(BX), Y8
	VMOVAPS Y4, Y5
	VMOVAPS Y8, Y9
	VMOVAPS Y4, Y6
	VMOVAPS Y8, Y10
	VMOVAPS Y4, Y7
	VMOVAPS Y8, Y11
	MOVQ $64, AX
	CMPQ AX, DX
	JGE rootManySet
rootManyTerm:
	VFMADD213PS (BX)(AX*1), Y0, Y4
	VFMADD213PS (BX)(AX*1), Y1, Y5
	VFMADD213PS (BX)(AX*1), Y2, Y6
	VFMADD213PS (BX)(AX*1), Y3, Y7
	VFMADD213PS 32(BX)(AX*1), Y0, Y8
	VFMADD213PS 32(BX)(AX*1), Y1, Y9
	VFMADD213PS 32(BX)(AX*1), Y2, Y10
	VFMADD213PS 32(BX)(AX*1), Y3, Y11
	ADDQ $64, AX
	CMPQ AX, DX
	JLT rootManyTerm
rootManySet:
	VADDPS 96(SI), Y4, Y4
	VADDPS 128(SI), Y8, Y8
	VANDNPS (DI), Y12, Y15 // the sign
	VXORPS Y15, Y8, Y8
	VADDPS Y8, Y4, Y4
	VMOVUPS Y4, (DI)
	VADDPS 96(SI), Y5, Y5
	VADDPS 128(SI), Y9, Y9
	VANDNPS 32(DI), Y12, Y15 // the sign
	VXORPS Y15, Y9, Y9
	VADDPS Y9, Y5, Y5
	VMOVUPS Y5, 32(DI)
	VADDPS 96(SI), Y6, Y6
	VADDPS 128(SI), Y10, Y10
	VANDNPS 64(DI), Y12, Y15 // the sign
	VXORPS Y15, Y10, Y10
	VADDPS Y10, Y6, Y6
	VMOVUPS Y6, 64(DI)
	VADDPS 96(SI), Y7, Y7
	VADDPS 128(SI), Y11, Y11
	VANDNPS 96(DI), Y12, Y15 // the sign
	VXORPS Y15, Y11, Y11
	VADDPS Y11, Y7, Y7
	VMOVUPS Y7, 96(DI)
	ADDQ $128, DI
	SUBQ $32, CX
	CMPQ CX, $32
	JGE rootMany
	TESTQ CX, CX
	JZ rootEnd
rootEight:
	VANDPS (DI), Y12, Y0
	VSUBPS Y0, Y13, Y0
	VCMPPS $14, Y14, Y0, Y15 // greater
	VANDPS Y15, Y0, Y0
	VSQRTPS Y0, Y0
	VADDPS Y0, Y0, Y0
	VSUBPS Y13, Y0, Y0
	VMOVUPS (BX), Y4
	VMOVUPS 32(BX), Y8
	MOVQ $64, AX
	CMPQ AX, DX
	JGE rootEightSet
rootEightTerm:
	VFMADD213PS (BX)(AX*1), Y0, Y4
	VFMADD213PS 32(BX)(AX*1), Y0, Y8
	ADDQ $64, AX
	CMPQ AX, DX
	JLT rootEightTerm
rootEightSet:
	VADDPS 96(SI), Y4, Y4
	VADDPS 128(SI), Y8, Y8
	VANDNPS (DI), Y12, Y15 // the sign
	VXORPS Y15, Y8, Y8
	VADDPS Y8, Y4, Y4
	VMOVUPS Y4, (DI)
	ADDQ $32, DI
	SUBQ $8, CX
	JNZ rootEight
rootEnd:
	VZEROUPPER
	RET

// High powers of small cosines are below the least normal number, where a product takes a hundred
// times as long; the processor is told to take them for 0 (FTZ and DAZ).
//
// func powerSums(sums *float32, terms int, c, w *float32, n int)
TEXT ·powerSums(SB), NOSPLIT, $16-40
	STMXCSR before-8(SP)
	MOVL before-8(SP), AX
	ORL $0x8040, AX
	MOVL AX, during-16(SP)
	LDMXCSR during-16(SP)
	MOVQ sums+0(FP), DI
	MOVQ terms+8(FP), DX
	MOVQ c+16(FP), SI
	MOVQ w+24(FP), BX
	MOVQ n+32(FP), CX
	SHLQ $5, DX // bytes of the sums
	CMPQ CX, $32
	JLT powerEight
powerMany:
	VMOVUPS (BX), Y0
	VMOVUPS (SI), Y4
	VMOVUPS 32(BX), Y1
	VMOVUPS 32(SI), Y5
	VMOVUPS 64(BX), Y2
	VMOVUPS 64(SI), Y6
	VMOVUPS 96(BX), Y3
	VMOVUPS 96(SI), Y7
	XORQ AX, AX
powerManyTerm:
	VADDPS Y0, Y1, Y8
	VADDPS Y2, Y3, Y9
	VMULPS Y4, Y0, Y0
	VMULPS Y5, Y1, Y1
	VADDPS Y8, Y9, Y8
	VMULPS Y6, Y2, Y2
	VMULPS Y7, Y3, Y3
	VADDPS (DI)(AX*1), Y8, Y8
	VMOVUPS Y8, (DI)(AX*1)
	ADDQ $32, AX
	CMPQ AX, DX
	JLT powerManyTerm
	ADDQ $128, SI
	ADDQ $128, BX
	SUBQ $32, CX
	CMPQ CX, $32
	JGE powerMany
	TESTQ CX, CX
	JZ powerEnd
powerEight:
	VMOVUPS (BX), Y0
	VMOVUPS (SI), Y4
	XORQ AX, AX
powerEightTerm:
	VADDPS (DI)(AX*1), Y0, Y8
	VMULPS Y4, Y0, Y0
	VMOVUPS Y8, (DI)(AX*1)
	ADDQ $32, AX
	CMPQ AX, DX
	JLT powerEightTerm
	ADDQ $32, SI
	ADDQ $32, BX
	SUBQ $8, CX
	JNZ powerEight
powerEnd:
	LDMXCSR before-8(SP)
	VZEROUPPER
	RET
