//! Encodings against those of the GNU assembler.
use super::encode::*;

/// What the assembler gives for an instruction, and what writes it here.
type Encoding = (&'static str, &'static str, fn(&mut Code));

const R9: Gpr = Gpr(9);
const R10: Gpr = Gpr(10);
const R11: Gpr = Gpr(11);

const ENCODINGS: &[Encoding] = &[
    ("vmovups zmm7, [rbx+64]", "62f17c48107b01", |c| c.two(LOAD, Zmm(7), Rm::Mem(RBX, 64))),
    ("vmovups [r14+0x1234], zmm30", "62417c4811b634120000", |c| c.two(STORE, Zmm(30), Rm::Mem(R14, 0x1234))),
    ("vmovaps zmm20{k2}, zmm9", "62c17c4a28e1", |c| c.masked(MOVE, Zmm(20), Rm::Zmm(Zmm(9)), K(2))),
    ("vaddps zmm1, zmm17, zmm31", "6291744058cf", |c| c.three(ADDPS, Zmm(1), Zmm(17), Rm::Zmm(Zmm(31)))),
    ("vaddps zmm9, zmm8, [rbp+20]{1to16}", "62713c58584d05", |c| c.three(ADDPS, Zmm(9), Zmm(8), Rm::Spread(RBP, 20))),
    ("vaddps zmm9, zmm8, [rbp+2000]{1to16}", "62713c58588dd0070000", |c| {
        c.three(ADDPS, Zmm(9), Zmm(8), Rm::Spread(RBP, 2000));
    }),
    ("vmulps zmm9, zmm10, zmm11", "62512c4859cb", |c| c.three(MULPS, Zmm(9), Zmm(10), Rm::Zmm(Zmm(11)))),
    ("vpmulld zmm1, zmm2, zmm3", "62f26d4840cb", |c| c.three(PMULLD, Zmm(1), Zmm(2), Rm::Zmm(Zmm(3)))),
    ("vpandnd zmm1, zmm2, [r14+128]", "62d16d48df4e02", |c| c.three(PANDND, Zmm(1), Zmm(2), Rm::Mem(R14, 128))),
    ("vcmpltps k2, zmm25, zmm3", "62f13440c2d311", |c| {
        c.compare(CMPPS, K(2), Zmm(25), Rm::Zmm(Zmm(3)), Some(17), K0);
    }),
    ("vpcmpleud k2{k1}, zmm31, [r13+112]{1to16}", "62d305511e551c02", |c| {
        c.compare(PCMPUD, K(2), Zmm(31), Rm::Spread(R13, 112), Some(2), K(1));
    }),
    ("vptestmd k2, zmm9, zmm9", "62d2354827d1", |c| c.compare(PTESTMD, K(2), Zmm(9), Rm::Zmm(Zmm(9)), None, K0)),
    ("vpslld zmm12, zmm28, 16", "62911d4872f410", |c| c.shift(6, Zmm(12), Rm::Zmm(Zmm(28)), 16)),
    ("vpsrad zmm29, zmm3, 7", "62f1154072e307", |c| c.shift(4, Zmm(29), Rm::Zmm(Zmm(3)), 7)),
    ("vpmovd2m k1, zmm23", "62b27e4839cf", |c| c.mask_of(K(1), Zmm(23))),
    ("vpmovm2d zmm22, k2", "62e27e4838f2", |c| c.spread_mask(Zmm(22), K(2))),
    ("vpternlogd zmm5, zmm6, zmm27, 202", "62934d4825ebca", |c| {
        c.three_byte(PTERNLOGD, Zmm(5), Zmm(6), Rm::Zmm(Zmm(27)), 202);
    }),
    ("vpblendmd zmm4{k1}, zmm16, zmm24", "62927d4164e0", |c| c.blend(Zmm(4), Zmm(16), Rm::Zmm(Zmm(24)), K(1))),
    ("vfmadd231ps zmm3, zmm4, [rbx+0x2000]", "62f25d48b89b00200000", |c| {
        c.three(FMADD231, Zmm(3), Zmm(4), Rm::Mem(RBX, 0x2000));
    }),
    ("vfmadd213ps zmm11, zmm21, [r15+508]{1to16}", "62525550a85f7f", |c| {
        c.three(FMADD213, Zmm(11), Zmm(21), Rm::Spread(R15, 508));
    }),
    ("vrndscaleps zmm2, zmm19, 9", "62b37d4808d309", |c| c.two_byte(RNDSCALE, Zmm(2), Rm::Zmm(Zmm(19)), 9)),
    ("vcvttps2udq zmm31, zmm31", "62017c4878ff", |c| c.two(CVTTPS2UDQ, Zmm(31), Rm::Zmm(Zmm(31)))),
    ("vcvtudq2ps zmm3, zmm18", "62b17f487ada", |c| c.two(CVTUDQ2PS, Zmm(3), Rm::Zmm(Zmm(18)))),
    ("vpermi2d zmm30, zmm31, [rsi+rax+64]", "6262054076740601", |c| {
        c.three(PERMI2D, Zmm(30), Zmm(31), Rm::Wide(RSI, RAX, 64));
    }),
    ("vshufi64x2 zmm6, zmm30, zmm25, 0xee", "62938d4043f1ee", |c| {
        c.three_byte(SHUFI64X2, Zmm(6), Zmm(30), Rm::Zmm(Zmm(25)), 0xee);
    }),
    ("vbroadcastss zmm13, [r9+rax+12]", "62527d48186c0103", |c| c.two(BROADCAST, Zmm(13), Rm::Wide(R9, RAX, 12))),
    ("vbroadcastss zmm31{k2}, [r15+4]", "62427d4a187f01", |c| c.masked(BROADCAST, Zmm(31), Rm::Mem(R15, 4), K(2))),
    ("vpbroadcastd zmm31, eax", "62627d487cf8", |c| c.two(BROADCAST_GPR, Zmm(31), Rm::Gpr(RAX))),
    ("vpgatherdd zmm14{k3}, [r11+zmm31+8]", "62127d4390743b02", |c| {
        c.masked(GATHER, Zmm(14), Rm::Each(R11, Zmm(31), 8), K(3));
    }),
    ("vpscatterdd [rdi+zmm31+4]{k3}, zmm29", "62227d43a06c3f01", |c| {
        c.masked(SCATTER, Zmm(29), Rm::Each(RDI, Zmm(31), 4), K(3));
    }),
    ("vfpclassps k2{k1}, zmm17, 0x99", "62b37d4966d199", |c| {
        c.compare(FPCLASS, K(2), Zmm(0), Rm::Zmm(Zmm(17)), Some(0x99), K(1));
    }),
    // the assembler leaves the length, which does not matter here, at zero: 08 in place of 48
    ("vmovss [rdx+rax+0x404], xmm30", "62617e4811b40204040000", |c| {
        c.two(STORE_WORD, Zmm(30), Rm::Wide(RDX, RAX, 0x404));
    }),
    ("vpord zmm30{k2}, zmm30, [r15+8]{1to16}", "62410d52eb7702", |c| {
        c.three_masked(PORD, Zmm(30), Zmm(30), Rm::Spread(R15, 8), K(2));
    }),
    ("vpcmpnltud k2, zmm25, [r13+0x54]{1to16}", "62d335501e551505", |c| {
        c.compare(PCMPUD, K(2), Zmm(25), Rm::Spread(R13, 0x54), Some(5), K0);
    }),
    ("kortestw k2, k3", "c5f898d3", |c| c.any_set(K(2), K(3))),
    ("kmovw ecx, k1", "c5f893c9", |c| c.read_mask(RCX, K(1))),
    ("kmovw k1, ecx", "c5f892c9", |c| c.write_mask(K(1), RCX)),
    ("mov [r13+0x90], ecx", "41898d90000000", |c| c.store32(RCX, R13, 0x90)),
    ("add dword [r13+0x90], 16", "4183859000000010", |c| c.increase32(R13, 0x90, 16)),
    ("mov eax, 0x1234", "b834120000", |c| c.set32(RAX, 0x1234)),
    ("ret", "c3", |c| c.back()),
    ("kortestw k1, k1", "c5f898c9", |c| c.all_set(K(1))),
    ("kmovw k3, k2", "c5f890da", |c| c.copy_mask(K(3), K(2))),
    ("mov ecx, [rbx+0x400]", "8b8b00040000", |c| c.load32(RCX, RBX, 0x400)),
    ("add edx, [rbp+44]", "03552c", |c| c.add32(RDX, RBP, 44)),
    ("lea eax, [rcx-4]", "8d41fc", |c| c.lea32(RAX, RCX, -4)),
    ("lea rbx, [rbx+64]", "488d5b40", |c| c.lea64(RBX, RBX, 64)),
    ("cmp rax, [r13+0x90]", "493b8590000000", |c| c.compare64(RAX, R13, 0x90)),
    ("mov r10, [r13+0x60]", "4d8b5560", |c| c.load64(R10, R13, 0x60)),
    ("mov r13, rdi", "4c8bef", |c| c.copy64(R13, RDI)),
    ("xor ecx, ecx", "31c9", |c| c.zero(RCX)),
    ("dec r12", "49ffcc", |c| c.decrement(R12)),
    ("push r12", "4154", |c| c.push(R12)),
    ("pop rbp", "5d", |c| c.pop(RBP)),
    ("call [r13+56]", "41ff5538", |c| c.call(R13, 56)),
    ("vzeroupper; ret", "c5f877c3", |c| c.leave()),
];

#[test]
fn instructions_are_encoded_as_the_assembler_does() {
    for (text, bytes, write) in ENCODINGS {
        let mut code = Code::default();
        write(&mut code);
        let hex: String = code.finish().iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, *bytes, "{text}");
    }
}

#[test]
fn jumps_go_forward_and_back() {
    let mut code = Code::default();
    let (start, end) = (code.target(), code.target());
    code.bind(start);
    code.jump_if(If::Greater, end);
    code.jump(start);
    code.bind(end);
    assert_eq!(code.finish(), [0x0f, 0x8f, 5, 0, 0, 0, 0xe9, 0xf5, 0xff, 0xff, 0xff]);
}
