#include "go_asm.h"
#include "textflag.h"

// func arcCosine(args *stepArgs, a *ArcCosine)
TEXT ·arcCosine(SB), NOSPLIT, $0-16
	MOVQ args+0(FP), DX
	MOVQ a+8(FP), BX
	MOVQ stepArgs_s(DX), DI
	MOVQ stepArgs_t(DX), SI
	MOVQ stepArgs_least(DX), R8
	MOVQ stepArgs_stds(DX), R9
	MOVQ stepArgs_inverses(DX), R10
	MOVQ stepArgs_n(DX), CX
	VBROADCASTSD stepArgs_inverse(DX), Y15
	VBROADCASTSD stepArgs_std(DX), Y14
	VBROADCASTSD stepArgs_alpha(DX), Y13
	VBROADCASTSD stepArgs_beta(DX), Y12
	VBROADCASTSD stepArgs_shift(DX), Y11
	VMOVUPD ArcCosine_magnitude(BX), Y10
	VMOVUPD ArcCosine_one(BX), Y9
	XORQ AX, AX
arcCosineFour:
	VMULPD (DI)(AX*8), Y15, Y0
	VMULPD (R10)(AX*8), Y0, Y0 // cos θ
	VANDPD Y10, Y0, Y1
	VSUBPD Y1, Y9, Y2
	VXORPD Y3, Y3, Y3
	VMAXPD Y2, Y3, Y2 // 1 - |cos θ|, NaN if that is
	VMOVUPD (R8)(AX*8), Y4
	VMINPD Y2, Y4, Y4
	VMOVUPD Y4, (R8)(AX*8)
	VSUBPD Y2, Y9, Y1
	VSUBPD Y2, Y1, Y3
	VMULPD Y3, Y3, Y4
	VMOVUPD ArcCosine_angle+640(BX), Y5
	VMOVUPD ArcCosine_angle+608(BX), Y6
	VFMADD213PD ArcCosine_angle+576(BX), Y4, Y5
	VFMADD213PD ArcCosine_angle+544(BX), Y4, Y6
	VFMADD213PD ArcCosine_angle+512(BX), Y4, Y5
	VFMADD213PD ArcCosine_angle+480(BX), Y4, Y6
	VFMADD213PD ArcCosine_angle+448(BX), Y4, Y5
	VFMADD213PD ArcCosine_angle+416(BX), Y4, Y6
	VFMADD213PD ArcCosine_angle+384(BX), Y4, Y5
	VFMADD213PD ArcCosine_angle+352(BX), Y4, Y6
	VFMADD213PD ArcCosine_angle+320(BX), Y4, Y5
	VFMADD213PD ArcCosine_angle+288(BX), Y4, Y6
	VFMADD213PD ArcCosine_angle+256(BX), Y4, Y5
	VFMADD213PD ArcCosine_angle+224(BX), Y4, Y6
	VFMADD213PD ArcCosine_angle+192(BX), Y4, Y5
	VFMADD213PD ArcCosine_angle+160(BX), Y4, Y6
	VFMADD213PD ArcCosine_angle+128(BX), Y4, Y5
	VFMADD213PD ArcCosine_angle+96(BX), Y4, Y6
	VFMADD213PD ArcCosine_angle+64(BX), Y4, Y5
	VFMADD213PD ArcCosine_angle+32(BX), Y4, Y6
	VFMADD213PD ArcCosine_angle+0(BX), Y4, Y5
	VFMADD231PD Y6, Y3, Y5
	VSQRTPD Y2, Y6
	VMULPD Y6, Y5, Y5 // acos |cos θ|
	VADDPD Y1, Y9, Y6
	VMULPD Y2, Y6, Y6
	VSQRTPD Y6, Y6 // sin θ
	VMOVUPD ArcCosine_pi(BX), Y8
	VSUBPD Y5, Y8, Y7
	VBLENDVPD Y0, Y7, Y5, Y5 // θ
	VANDNPD Y0, Y10, Y8
	VORPD Y8, Y1, Y1
	VFNMADD231PD Y1, Y5, Y6 // sin θ - θ cos θ
	VMULPD Y12, Y6, Y7
	VFMADD231PD Y13, Y1, Y7
	VMULPD (R9)(AX*8), Y14, Y8
	VMULPD Y8, Y7, Y7
	VADDPD Y11, Y7, Y7
	VMOVUPD Y7, (DI)(AX*8)
	VMOVAPD Y13, Y8
	VFNMADD231PD Y5, Y12, Y8 // α - βθ
	VMOVUPD (SI)(AX*8), Y4
	VFMADD213PD Y7, Y4, Y8
	VMOVUPD Y8, (SI)(AX*8)
	ADDQ $4, AX
	CMPQ AX, CX
	JLT arcCosineFour
	VZEROUPPER
	RET
