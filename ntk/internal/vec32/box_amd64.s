#include "go_asm.h"
#include "textflag.h"

// With vectors of sixteen numbers two places are worked on at once: the second is in the upper
// half, and not there in the last turn of an odd number of places, for which there are masks. Loads
// under a mask do not touch what they leave out.
//
// In all of these: K2 has the lanes that are there, K3 those of the second place.

// What duals need in registers, of the ArcCosine at R14.
#define CONSTANTS \
	VBROADCASTSS ArcCosine_one(R14), Z16; \
	VBROADCASTSS ArcCosine_half(R14), Z17; \
	VBROADCASTSS ArcCosine_within(R14), Z18; \
	VBROADCASTSS ArcCosine_alpha(R14), Z19; \
	VBROADCASTSS ArcCosine_slopeBelow(R14), Z20; \
	VBROADCASTSS ArcCosine_beta(R14), Z21; \
	VBROADCASTSS ArcCosine_magnitude(R14), Z22; \
	VBROADCASTSS ArcCosine_ratio+288(R14), Z26; \
	VBROADCASTSS ArcCosine_ratio+256(R14), Z27; \
	VBROADCASTSS ArcCosine_ratio+224(R14), Z28; \
	VBROADCASTSS ArcCosine_ratio+192(R14), Z29; \
	VBROADCASTSS ArcCosine_ratio+160(R14), Z30; \
	VBROADCASTSS ArcCosine_ratio+128(R14), Z31

// The duals of covariances Z0, which become the first, and the second in Z7, at the variances from
// BX on and those at CX + AX.
//
// 1/√(xy) is what the processor has to 14 bits, with one step of Newton's. Where a variance is 0
// it is no number, and its products are not; K4 has the lanes of an angle that is not 0, for others
// the root and the angle are set to 0.
#define DUALS \
	VBROADCASTSS (BX), Z1; \
	VBROADCASTSS 4(BX), K3, Z1; \
	VMULPS.Z (CX)(AX*1), Z1, K2, Z2; \ // xy
	VRSQRT14PS Z2, Z3; \
	VMOVAPS Z2, Z1; \
	VFNMADD231PS Z0, Z0, Z1; \ // xy - k²
	VMULPS Z18, Z2, Z5; \
	VCMPPS $0x1e, Z5, Z1, K4; \
	VSQRTPS.Z Z1, K4, Z1; \
	VMULPS Z3, Z2, Z4; \
	VFNMADD213PS Z16, Z3, Z4; \
	VMULPS Z17, Z3, Z5; \
	VFMADD231PS Z5, Z4, Z3; \ // 1/√(xy)
	VPANDD Z22, Z0, Z7; \
	VFNMADD213PS Z16, Z3, Z7; \ // 1 - |cos θ|
	VMULPS Z7, Z7, Z5; \
	VMOVAPS Z26, Z6; \
	VMOVAPS Z27, Z4; \
	VFMADD213PS Z28, Z5, Z6; \
	VFMADD213PS Z29, Z5, Z4; \
	VFMADD213PS Z30, Z5, Z6; \
	VFMADD213PS Z31, Z5, Z4; \
	VFMADD213PS.BCST ArcCosine_ratio+96(R14), Z5, Z6; \
	VFMADD213PS.BCST ArcCosine_ratio+64(R14), Z5, Z4; \
	VFMADD213PS.BCST ArcCosine_ratio+32(R14), Z5, Z6; \
	VFMADD213PS.BCST ArcCosine_ratio+0(R14), Z5, Z4; \
	VFMADD213PS Z4, Z7, Z6; \ // βθ/sin θ
	VMULPS Z3, Z6, Z6; \
	VMULPS.Z Z1, Z6, K4, Z6; \ // βθ
	VPMOVD2M Z0, K5; \
	VSUBPS Z6, Z19, Z7; \
	VADDPS Z6, Z20, K5, Z7; \
	VMULPS Z7, Z0, Z0; \
	VFMADD231PS Z21, Z1, Z0

// func arcCosine512(k, t, x, y *float32, n int, a *ArcCosine)
TEXT ·arcCosine512(SB), NOSPLIT, $0-48
	MOVQ k+0(FP), DI
	MOVQ t+8(FP), SI
	MOVQ x+16(FP), BX
	MOVQ y+24(FP), CX
	MOVQ n+32(FP), R8
	MOVQ a+40(FP), R14
	CONSTANTS
	SHLQ $5, R8
	MOVL $0xffff, AX
	KMOVW AX, K2
	MOVL $0xff00, AX
	KMOVW AX, K3
	XORL AX, AX
arcCosineTwo:
	LEAQ 64(AX), R9
	CMPQ R9, R8
	JLE arcCosineLoad
	MOVL $0x00ff, R10
	KMOVW R10, K2
	KXORW K3, K3, K3
arcCosineLoad:
	VMOVUPS.Z (DI)(AX*1), K2, Z0
	DUALS
	VMOVUPS Z0, K2, (DI)(AX*1)
	TESTQ SI, SI
	JZ arcCosineNext
	VMULPS.Z (SI)(AX*1), Z7, K2, Z9
	VMOVUPS Z9, K2, (SI)(AX*1)
arcCosineNext:
	ADDQ $8, BX
	MOVQ R9, AX
	CMPQ AX, R8
	JLT arcCosineTwo
	VZEROUPPER
	RET

// Where row i of the three begins, of s and of t: in zeros, if the table says that there is none.
#define ROW(i, S, T) \
	MOVLQSX (4*i)(AX), S; \
	MOVQ S, T; \
	IMULQ boxArgs_stride(DX), S; \
	IMULQ boxArgs_strideT(DX), T; \
	ADDQ boxArgs_s(DX), S; \
	ADDQ boxArgs_t(DX), T; \
	MOVLQSX (4*i)(AX), R15; \
	CMPQ R15, boxArgs_fromRows(DX); \
	CMOVQEQ boxArgs_zeros(DX), S; \
	CMOVQEQ boxArgs_zeros(DX), T

// The sum of two places of three rows, of the lanes of a mask.
#define SUM(off, A, B, C, K, TO) \
	VMOVUPS off(A)(AX*1), TO; \
	VADDPS.Z off(B)(AX*1), TO, K, TO; \
	VADDPS.Z off(C)(AX*1), TO, K, TO

// MASK sets K to the lanes of R15 places, none if R15 < 0, and R14 to them as a number.
#define MASK(K) \
	MOVL $2, R14; \
	CMPQ R15, R14; \
	CMOVQGT R14, R15; \
	XORL R14, R14; \
	TESTQ R15, R15; \
	CMOVQLT R14, R15; \
	SHLQ $3, R15; \
	MOVL $0xffff, R14; \
	BZHIL R15, R14, R14; \
	KMOVW R14, K

// Of s there are in Z10, Z11 and Z12 the sums of columns that are one place to the left of the two
// that are made, these, and two places to the right; of t in Z13, Z14 and Z15.
//
// func boxes512(b *boxArgs)
TEXT ·boxes512(SB), NOSPLIT, $0-8
	MOVQ b+0(FP), DX
	MOVQ boxArgs_toS(DX), DI
	MOVQ boxArgs_toT(DX), SI
	MOVQ boxArgs_x(DX), BX
	MOVQ boxArgs_y(DX), CX
	MOVQ boxArgs_duals(DX), R14
	VBROADCASTSS boxArgs_scale(DX), Z23
	VBROADCASTSS boxArgs_shift(DX), Z24
	VBROADCASTSS boxArgs_own(DX), Z25
	MOVQ boxArgs_before(DX), AX
	KMOVW AX, K6
	TESTQ R14, R14
	JZ boxRow
	CONSTANTS
boxRow:
	MOVQ boxArgs_row(DX), AX
	LEAQ (AX)(AX*2), AX
	SHLQ $2, AX
	ADDQ boxArgs_table(DX), AX
	ROW(0, R8, R11)
	ROW(1, R9, R12)
	ROW(2, R10, R13)
	XORL AX, AX
	MOVL $0xffff, R15
	KMOVW R15, K2
	MOVL $0xff00, R15
	KMOVW R15, K3
	MOVQ boxArgs_ahead(DX), R15
	MASK(K1)
	VMOVUPS.Z -64(R8), K6, Z10
	VADDPS.Z -64(R9), Z10, K6, Z10
	VADDPS.Z -64(R10), Z10, K6, Z10
	SUM(0, R8, R9, R10, K1, Z11)
	VALIGNQ $4, Z10, Z11, Z10
	VMOVUPS.Z -64(R11), K6, Z13
	VADDPS.Z -64(R12), Z13, K6, Z13
	VADDPS.Z -64(R13), Z13, K6, Z13
	SUM(0, R11, R12, R13, K1, Z14)
	VALIGNQ $4, Z13, Z14, Z13
	MOVL $0xffff, R15
	KMOVW R15, K1
	MOVQ boxArgs_duals(DX), R14
boxTwo:
	CMPQ AX, boxArgs_plain(DX)
	JGE boxEdge
boxSums:
	SUM(64, R8, R9, R10, K1, Z12)
	VADDPS Z11, Z10, Z0
	VALIGNQ $4, Z11, Z12, Z10
	VADDPS Z10, Z0, Z0
	VFMADD213PS Z24, Z23, Z0
	VMOVAPS Z12, Z11
	TESTQ SI, SI
	JZ boxDuals
	SUM(64, R11, R12, R13, K1, Z15)
	VADDPS Z14, Z13, Z9
	VALIGNQ $4, Z14, Z15, Z13
	VADDPS Z13, Z9, Z9
	VMULPS Z23, Z9, Z9
	VFMADD231PS Z25, Z0, Z9
	VMOVAPS Z15, Z14
boxDuals:
	TESTQ R14, R14
	JZ boxStore
	DUALS
	VMULPS Z7, Z9, Z9
boxStore:
	// In an odd row a place too many, which the next row or the room behind the last one takes.
	VMOVUPS Z0, (DI)(AX*1)
	TESTQ SI, SI
	JZ boxNext
	VMOVUPS Z9, (SI)(AX*1)
boxNext:
	ADDQ $8, BX
	ADDQ $64, AX
	CMPQ AX, boxArgs_bytes(DX)
	JLT boxTwo
	ADDQ boxArgs_toStride(DX), DI
	TESTQ SI, SI
	JZ boxVariances
	ADDQ boxArgs_toStride(DX), SI
boxVariances:
	ADDQ boxArgs_stepX(DX), BX
	ADDQ boxArgs_strideY(DX), CX
	MOVQ boxArgs_row(DX), AX
	INCQ AX
	MOVQ AX, boxArgs_row(DX)
	CMPQ AX, boxArgs_rows(DX)
	JLT boxRow
	VZEROUPPER
	RET
boxEdge:
	// The two places to the right are not all there, or of the two that are made one is not.
	MOVQ AX, R15
	SHRQ $5, R15
	NEGQ R15
	ADDQ boxArgs_columns(DX), R15
	MASK(K2)
	ANDL $0xff00, R14
	KMOVW R14, K3
	MOVQ AX, R15
	SHRQ $5, R15
	NEGQ R15
	ADDQ boxArgs_ahead(DX), R15
	SUBQ $2, R15
	MASK(K1)
	MOVQ boxArgs_duals(DX), R14
	JMP boxSums

// With vectors of eight numbers places are worked on one by one.

// What DUALS needs in registers there, of the ArcCosine at R14.
#define PLACE_CONSTANTS \
	VMOVUPS ArcCosine_one(R14), Y9; \
	VMOVUPS ArcCosine_half(R14), Y10; \
	VMOVUPS ArcCosine_above(R14), Y11; \
	VMOVUPS ArcCosine_magnitude(R14), Y12; \
	VMOVUPS ArcCosine_alpha(R14), Y13; \
	VMOVUPS ArcCosine_ratio+288(R14), Y14; \
	VMOVUPS ArcCosine_ratio+256(R14), Y15

// What DUALS is, at one place: of covariances Y0, with the second in Y7, at the variances at BX and
// CX + AX. 1/√(xy) is what the processor has to 11 bits, with a step of Newton's, which ends below
// the root by up to 2e-7 of it if it is for 1, and so is for a little more. Y8 has the lanes of an
// angle that is not 0.
#define PLACE_DUALS \
	VBROADCASTSS (BX), Y1; \
	VMULPS (CX)(AX*1), Y1, Y2; \ // xy
	VRSQRTPS Y2, Y3; \
	VMOVAPS Y2, Y1; \
	VFNMADD231PS Y0, Y0, Y1; \ // xy - k²
	VMULPS ArcCosine_within(R14), Y2, Y5; \
	VCMPPS $0x1e, Y5, Y1, Y8; \
	VANDPS Y8, Y1, Y1; \
	VSQRTPS Y1, Y1; \
	VMULPS Y3, Y2, Y4; \
	VFNMADD213PS Y11, Y3, Y4; \
	VMULPS Y10, Y3, Y5; \
	VFMADD231PS Y5, Y4, Y3; \ // 1/√(xy)
	VANDPS Y12, Y0, Y7; \
	VFNMADD213PS Y9, Y3, Y7; \ // 1 - |cos θ|
	VMULPS Y7, Y7, Y5; \
	VMOVAPS Y14, Y6; \
	VMOVAPS Y15, Y4; \
	VFMADD213PS ArcCosine_ratio+224(R14), Y5, Y6; \
	VFMADD213PS ArcCosine_ratio+192(R14), Y5, Y4; \
	VFMADD213PS ArcCosine_ratio+160(R14), Y5, Y6; \
	VFMADD213PS ArcCosine_ratio+128(R14), Y5, Y4; \
	VFMADD213PS ArcCosine_ratio+96(R14), Y5, Y6; \
	VFMADD213PS ArcCosine_ratio+64(R14), Y5, Y4; \
	VFMADD213PS ArcCosine_ratio+32(R14), Y5, Y6; \
	VFMADD213PS ArcCosine_ratio+0(R14), Y5, Y4; \
	VFMADD213PS Y4, Y7, Y6; \ // βθ/sin θ
	VMULPS Y3, Y6, Y6; \
	VMULPS Y1, Y6, Y6; \
	VANDPS Y8, Y6, Y6; \ // βθ
	VANDNPS Y0, Y12, Y4; \ // the sign of k
	VBLENDVPS Y0, ArcCosine_slopeBelow(R14), Y13, Y7; \
	VXORPS Y4, Y6, Y6; \
	VSUBPS Y6, Y7, Y7; \
	VMULPS Y7, Y0, Y0; \
	VFMADD231PS ArcCosine_beta(R14), Y1, Y0

// The duals of R8 bytes of covariances at DI, and of tangents at SI if there are any.
#define DUALS_OF_PLACES \
dualsPlace: \
	VMOVUPS (DI)(AX*1), Y0; \
	PLACE_DUALS; \
	VMOVUPS Y0, (DI)(AX*1); \
	TESTQ SI, SI; \
	JZ dualsNext; \
	VMULPS (SI)(AX*1), Y7, Y7; \
	VMOVUPS Y7, (SI)(AX*1); \
dualsNext: \
	ADDQ $4, BX; \
	ADDQ $32, AX; \
	CMPQ AX, R8; \
	JLT dualsPlace

// func arcCosine(k, t, x, y *float32, n int, a *ArcCosine)
TEXT ·arcCosine(SB), NOSPLIT, $0-48
	MOVQ k+0(FP), DI
	MOVQ t+8(FP), SI
	MOVQ x+16(FP), BX
	MOVQ y+24(FP), CX
	MOVQ n+32(FP), R8
	MOVQ a+40(FP), R14
	PLACE_CONSTANTS
	SHLQ $5, R8
	XORL AX, AX
	DUALS_OF_PLACES
	VZEROUPPER
	RET

// The sum of a place of three rows.
#define PLACE(off, A, B, C, TO) \
	VMOVUPS off(A)(AX*1), TO; \
	VADDPS off(B)(AX*1), TO, TO; \
	VADDPS off(C)(AX*1), TO, TO

// A row of sums is made first, and then its duals, while it is in the nearest cache: the two in one
// have more instructions, one after the other, than a processor looks ahead.
//
// Of s there are in Y10 the sum of the columns to the left of the place that is made and of its own,
// in Y11 its own, and in Y12 that to the right; of t in Y13, Y14 and Y15.
//
// func boxes(b *boxArgs)
TEXT ·boxes(SB), NOSPLIT, $0-8
	MOVQ b+0(FP), DX
	MOVQ boxArgs_toS(DX), DI
	MOVQ boxArgs_toT(DX), SI
	MOVQ boxArgs_x(DX), BX
	MOVQ boxArgs_y(DX), CX
	MOVQ boxArgs_duals(DX), R14
placeRow:
	VBROADCASTSS boxArgs_scale(DX), Y1
	VBROADCASTSS boxArgs_shift(DX), Y2
	VBROADCASTSS boxArgs_own(DX), Y3
	MOVQ boxArgs_row(DX), AX
	LEAQ (AX)(AX*2), AX
	SHLQ $2, AX
	ADDQ boxArgs_table(DX), AX
	ROW(0, R8, R11)
	ROW(1, R9, R12)
	ROW(2, R10, R13)
	XORL AX, AX
	VXORPS Y10, Y10, Y10
	VXORPS Y11, Y11, Y11
	VXORPS Y13, Y13, Y13
	VXORPS Y14, Y14, Y14
	CMPQ boxArgs_before(DX), $0
	JEQ placeOwn
	PLACE(-32, R8, R9, R10, Y10)
	PLACE(-32, R11, R12, R13, Y13)
placeOwn:
	CMPQ boxArgs_ahead(DX), $0
	JLE placeBegin
	PLACE(0, R8, R9, R10, Y11)
	PLACE(0, R11, R12, R13, Y14)
	VADDPS Y11, Y10, Y10
	VADDPS Y14, Y13, Y13
placeBegin:
	CMPQ AX, boxArgs_plain(DX)
	JGE placeEdge
placeOne:
	PLACE(32, R8, R9, R10, Y12)
	TESTQ SI, SI
	JZ placeSums
	PLACE(32, R11, R12, R13, Y15)
placeSums:
	VADDPS Y12, Y10, Y0
	VADDPS Y12, Y11, Y10
	VMOVAPS Y12, Y11
	VFMADD213PS Y2, Y1, Y0
	VMOVUPS Y0, (DI)(AX*1)
	TESTQ SI, SI
	JZ placeNext
	VADDPS Y15, Y13, Y9
	VADDPS Y15, Y14, Y13
	VMOVAPS Y15, Y14
	VMULPS Y1, Y9, Y9
	VFMADD231PS Y3, Y0, Y9
	VMOVUPS Y9, (SI)(AX*1)
placeNext:
	ADDQ $32, AX
	CMPQ AX, boxArgs_plain(DX)
	JLT placeOne
placeEdge:
	// To the right there is none.
	VXORPS Y12, Y12, Y12
	VXORPS Y15, Y15, Y15
	MOVQ boxArgs_bytes(DX), R8
	CMPQ AX, R8
	JLT placeSums
	TESTQ R14, R14
	JZ placeEnd
	PLACE_CONSTANTS
	XORL AX, AX
	DUALS_OF_PLACES
	ADDQ boxArgs_stepX(DX), BX
	ADDQ boxArgs_strideY(DX), CX
placeEnd:
	ADDQ boxArgs_toStride(DX), DI
	TESTQ SI, SI
	JZ placeNextRow
	ADDQ boxArgs_toStride(DX), SI
placeNextRow:
	MOVQ boxArgs_row(DX), AX
	INCQ AX
	MOVQ AX, boxArgs_row(DX)
	CMPQ AX, boxArgs_rows(DX)
	JLT placeRow
	VZEROUPPER
	RET

// func addSums512(sums *[Together]float64, src *float32, rows, columns int)
TEXT ·addSums512(SB), NOSPLIT, $0-32
	MOVQ sums+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ rows+16(FP), CX
	MOVQ columns+24(FP), DX
	VMOVUPD (DI), Z5
addSumsRow:
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	MOVQ DX, AX
	SUBQ $4, AX
	JLT addSumsOdd
addSumsFour:
	VADDPS (SI), Z0, Z0
	VADDPS 64(SI), Z1, Z1
	ADDQ $128, SI
	SUBQ $4, AX
	JGE addSumsFour
addSumsOdd:
	ADDQ $4, AX
	JZ addSumsEnd
addSumsOne:
	VADDPS (SI), Y2, Y2
	ADDQ $32, SI
	DECQ AX
	JNZ addSumsOne
addSumsEnd:
	VADDPS Z1, Z0, Z0
	VEXTRACTF64X4 $1, Z0, Y1
	VADDPS Y2, Y0, Y0
	VADDPS Y1, Y0, Y0
	VCVTPS2PD Y0, Z0
	VADDPD Z0, Z5, Z5
	DECQ CX
	JNZ addSumsRow
	VMOVUPD Z5, (DI)
	VZEROUPPER
	RET
