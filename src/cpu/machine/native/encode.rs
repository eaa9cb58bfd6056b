//! Machine code of x86-64 with AVX-512: a table of instruction forms, and the prefixes and operands that turn one into bytes.

/// A general register, by its number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gpr(pub u8);

pub const RAX: Gpr = Gpr(0);
pub const RCX: Gpr = Gpr(1);
pub const RDX: Gpr = Gpr(2);
pub const RBX: Gpr = Gpr(3);
pub const RBP: Gpr = Gpr(5);
pub const RSI: Gpr = Gpr(6);
pub const RDI: Gpr = Gpr(7);
pub const R12: Gpr = Gpr(12);
pub const R13: Gpr = Gpr(13);
pub const R14: Gpr = Gpr(14);
pub const R15: Gpr = Gpr(15);

/// A vector register of 512 bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Zmm(pub u8);

/// A mask register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct K(pub u8);

/// No mask.
pub const K0: K = K(0);

/// The last operand of a vector instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rm {
    Zmm(Zmm),
    /// Sixty-four bytes (of some instructions: four) at base plus displacement.
    Mem(Gpr, i32),
    /// The word at base plus displacement, in all lanes.
    Spread(Gpr, i32),
    /// Sixty-four bytes (of some instructions: four) at base plus index plus displacement.
    Wide(Gpr, Gpr, i32),
    /// A general register.
    Gpr(Gpr),
    /// A mask register.
    K(K),
    /// A word for each lane, at base plus the lane's index plus displacement.
    Each(Gpr, Zmm, i32),
}

/// An instruction form: opcode map (1: 0F, 2: 0F38, 3: 0F3A), mandatory prefix (0: none, 1: 66, 2: F3, 3: F2), width bit, opcode,
/// and the unit in which a short displacement counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Form {
    map: u8,
    prefix: u8,
    wide: bool,
    opcode: u8,
    unit: i32,
}

const fn form(map: u8, prefix: u8, opcode: u8) -> Form {
    Form { map, prefix, wide: false, opcode, unit: 64 }
}

macro_rules! forms {
    ($($name:ident $map:literal $prefix:literal $opcode:literal;)*) => { $( pub const $name: Form = form($map, $prefix, $opcode); )* };
}
forms! {
    LOAD 1 0 0x10; STORE 1 0 0x11; MOVE 1 0 0x28;
    ADDPS 1 0 0x58; MULPS 1 0 0x59; SUBPS 1 0 0x5c; MINPS 1 0 0x5d; DIVPS 1 0 0x5e; MAXPS 1 0 0x5f; SQRTPS 1 0 0x51;
    CMPPS 1 0 0xc2;
    PADDD 1 1 0xfe; PSUBD 1 1 0xfa; PANDD 1 1 0xdb; PANDND 1 1 0xdf; PORD 1 1 0xeb; PXORD 1 1 0xef;
    PMULLD 2 1 0x40; PMINSD 2 1 0x39; PMINUD 2 1 0x3b; PMAXSD 2 1 0x3d; PMAXUD 2 1 0x3f; PABSD 2 1 0x1e;
    PSLLVD 2 1 0x47; PSRLVD 2 1 0x45; PSRAVD 2 1 0x46; SHIFT 1 1 0x72;
    PCMPD 3 1 0x1f; PCMPUD 3 1 0x1e; PTESTMD 2 1 0x27;
    PMOVM2D 2 2 0x38; PMOVD2M 2 2 0x39;
    PTERNLOGD 3 1 0x25; PBLENDMD 2 1 0x64;
    FMADD213 2 1 0xa8; FMADD231 2 1 0xb8;
    RNDSCALE 3 1 0x08;
    CVTDQ2PS 1 0 0x5b; CVTUDQ2PS 1 3 0x7a; CVTTPS2DQ 1 2 0x5b; CVTTPS2UDQ 1 0 0x78;
    PERMI2D 2 1 0x76; FPCLASS 3 1 0x66;
}
/// The word of the first lane to memory.
pub const STORE_WORD: Form = Form { unit: 4, ..form(1, 2, 0x11) };
/// Four quarters from two registers.
pub const SHUFI64X2: Form = Form { wide: true, ..form(3, 1, 0x43) };
pub const BROADCAST: Form = Form { unit: 4, ..form(2, 1, 0x18) };
pub const BROADCAST_GPR: Form = Form { unit: 4, ..form(2, 1, 0x7c) };
pub const GATHER: Form = Form { unit: 4, ..form(2, 1, 0x90) };
pub const SCATTER: Form = Form { unit: 4, ..form(2, 1, 0xa0) };

#[cfg(test)]
thread_local! {
    /// A form, and the wrong one that stands in for it: a planted mistake.
    pub static PLANTED: std::cell::Cell<Option<(Form, Form)>> = const { std::cell::Cell::new(None) };
}

/// Conditions of jumps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum If {
    NotCarry = 3,
    NotZero = 5,
    Greater = 15,
}

/// A place in the code that jumps go to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Target(usize);

/// Code in the making.
#[derive(Default)]
pub struct Code {
    pub bytes: Vec<u8>,
    targets: Vec<Option<usize>>,
    jumps: Vec<(usize, Target)>,
}

impl Code {
    fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The byte after the opcode, and a memory operand's base, index and displacement.
    fn operand(&mut self, reg: u8, rm: Rm, unit: i32) {
        let reg = (reg & 7) << 3;
        let (base, index, disp) = match rm {
            Rm::Zmm(Zmm(r)) | Rm::Gpr(Gpr(r)) | Rm::K(K(r)) => return self.put(&[0xc0 | reg | r & 7]),
            Rm::Mem(b, d) | Rm::Spread(b, d) => (b.0, None, d),
            Rm::Wide(b, i, d) => (b.0, Some(i.0), d),
            Rm::Each(b, i, d) => (b.0, Some(i.0), d),
        };
        let short = disp % unit == 0 && i8::try_from(disp / unit).is_ok();
        let mode = if short { 0x40 } else { 0x80 };
        match index {
            Some(i) => self.put(&[mode | reg | 4, (i & 7) << 3 | base & 7]),
            None if base & 7 == 4 => self.put(&[mode | reg | 4, 0x24]),
            None => self.put(&[mode | reg | base & 7]),
        }
        if short {
            self.put(&[(disp / unit) as u8]);
        } else {
            self.put(&disp.to_le_bytes());
        }
    }

    /// A vector instruction: `reg` the first operand, `second` the second (0 where there is none), under a mask.
    fn vector(&mut self, f: Form, reg: u8, second: u8, rm: Rm, k: K, zero: bool) {
        #[cfg(test)]
        let f = PLANTED.get().filter(|(right, _)| *right == f).map_or(f, |(_, wrong)| wrong);
        let (x, b, v) = match rm {
            Rm::Zmm(Zmm(r)) => (r >> 4 & 1, r >> 3 & 1, second >> 4 & 1),
            Rm::Gpr(Gpr(r)) | Rm::K(K(r)) => (0, r >> 3 & 1, second >> 4 & 1),
            Rm::Mem(g, _) | Rm::Spread(g, _) => (0, g.0 >> 3 & 1, second >> 4 & 1),
            Rm::Wide(g, i, _) => (i.0 >> 3 & 1, g.0 >> 3 & 1, second >> 4 & 1),
            Rm::Each(g, i, _) => (i.0 >> 3 & 1, g.0 >> 3 & 1, i.0 >> 4 & 1),
        };
        let spread = matches!(rm, Rm::Spread(..));
        let p0 = (!reg >> 3 & 1) << 7 | (x ^ 1) << 6 | (b ^ 1) << 5 | (!reg >> 4 & 1) << 4 | f.map;
        let p1 = u8::from(f.wide) << 7 | (!second & 15) << 3 | 4 | f.prefix;
        let p2 = u8::from(zero) << 7 | 2 << 5 | u8::from(spread) << 4 | (v ^ 1) << 3 | k.0;
        self.put(&[0x62, p0, p1, p2, f.opcode]);
        self.operand(reg, rm, if spread { 4 } else { f.unit });
    }

    /// `d = f(s)`.
    pub fn two(&mut self, f: Form, d: Zmm, s: Rm) {
        self.vector(f, d.0, 0, s, K0, false);
    }

    /// `d = f(a, b)`; some also read `d`.
    pub fn three(&mut self, f: Form, d: Zmm, a: Zmm, b: Rm) {
        self.vector(f, d.0, a.0, b, K0, false);
    }

    /// `d = f(a, b)` with a byte.
    pub fn three_byte(&mut self, f: Form, d: Zmm, a: Zmm, b: Rm, byte: u8) {
        self.vector(f, d.0, a.0, b, K0, false);
        self.put(&[byte]);
    }

    /// `d = f(s)` with a byte.
    pub fn two_byte(&mut self, f: Form, d: Zmm, s: Rm, byte: u8) {
        self.vector(f, d.0, 0, s, K0, false);
        self.put(&[byte]);
    }

    /// `d = f(s)` where the mask is set.
    pub fn masked(&mut self, f: Form, d: Zmm, s: Rm, k: K) {
        self.vector(f, d.0, 0, s, k, false);
    }

    /// `d = f(a, b)` where the mask is set.
    pub fn three_masked(&mut self, f: Form, d: Zmm, a: Zmm, b: Rm, k: K) {
        self.vector(f, d.0, a.0, b, k, false);
    }

    /// `d = f(a, b)` with lanes chosen by the mask.
    pub fn blend(&mut self, d: Zmm, no: Zmm, yes: Rm, k: K) {
        self.vector(PBLENDMD, d.0, no.0, yes, k, false);
    }

    /// A comparison into a mask register, under a mask.
    pub fn compare(&mut self, f: Form, d: K, a: Zmm, b: Rm, predicate: Option<u8>, k: K) {
        self.vector(f, d.0, a.0, b, k, false);
        self.bytes.extend(predicate);
    }

    /// A shift by a number: `/n` of the shift form.
    pub fn shift(&mut self, n: u8, d: Zmm, s: Rm, by: u8) {
        self.vector(SHIFT, n, d.0, s, K0, false);
        self.put(&[by]);
    }

    /// A mask register from a vector's top bits.
    pub fn mask_of(&mut self, d: K, s: Zmm) {
        self.vector(PMOVD2M, d.0, 0, Rm::Zmm(s), K0, false);
    }

    /// All ones or zero in each lane.
    pub fn spread_mask(&mut self, d: Zmm, s: K) {
        self.vector(PMOVM2D, d.0, 0, Rm::K(s), K0, false);
    }

    /// Sets the carry where all sixteen bits are set.
    pub fn all_set(&mut self, k: K) {
        self.any_set(k, k);
    }

    /// Clears the zero flag where a bit of either is set; the carry is set where each is set in one of them.
    pub fn any_set(&mut self, a: K, b: K) {
        self.put(&[0xc5, 0xf8, 0x98, 0xc0 | a.0 << 3 | b.0]);
    }

    /// A mask's bits to a general register of the first eight.
    pub fn read_mask(&mut self, d: Gpr, s: K) {
        self.put(&[0xc5, 0xf8, 0x93, 0xc0 | d.0 << 3 | s.0]);
    }

    /// The reverse.
    pub fn write_mask(&mut self, d: K, s: Gpr) {
        self.put(&[0xc5, 0xf8, 0x92, 0xc0 | d.0 << 3 | s.0]);
    }

    /// Copies a mask.
    pub fn copy_mask(&mut self, d: K, s: K) {
        self.put(&[0xc5, 0xf8, 0x90, 0xc0 | d.0 << 3 | s.0]);
    }

    /// An instruction on general registers, of 32 or 64 bits.
    fn general(&mut self, wide: bool, opcode: u8, reg: u8, rm: Rm) {
        let b = if let Rm::Gpr(g) | Rm::Mem(g, _) = rm { g.0 >> 3 } else { 0 };
        let rex = 0x40 | u8::from(wide) << 3 | (reg >> 3) << 2 | b;
        if rex != 0x40 {
            self.put(&[rex]);
        }
        self.put(&[opcode]);
        self.operand(reg, rm, 1);
    }

    /// `d = [base + disp]`, 32 bits.
    pub fn load32(&mut self, d: Gpr, base: Gpr, disp: i32) {
        self.general(false, 0x8b, d.0, Rm::Mem(base, disp));
    }

    /// `d = [base + disp]`, 64 bits.
    pub fn load64(&mut self, d: Gpr, base: Gpr, disp: i32) {
        self.general(true, 0x8b, d.0, Rm::Mem(base, disp));
    }

    /// `[base + disp] = s`, 32 bits.
    pub fn store32(&mut self, s: Gpr, base: Gpr, disp: i32) {
        self.general(false, 0x89, s.0, Rm::Mem(base, disp));
    }

    /// `[base + disp] += n`, 32 bits.
    pub fn increase32(&mut self, base: Gpr, disp: i32, n: i8) {
        self.general(false, 0x83, 0, Rm::Mem(base, disp));
        self.put(&[n.cast_unsigned()]);
    }

    /// `d = n`, of the first eight registers.
    pub fn set32(&mut self, d: Gpr, n: u32) {
        self.put(&[0xb8 | d.0]);
        self.put(&n.to_le_bytes());
    }

    /// `d += [base + disp]`, 32 bits.
    pub fn add32(&mut self, d: Gpr, base: Gpr, disp: i32) {
        self.general(false, 0x03, d.0, Rm::Mem(base, disp));
    }

    /// `d = base + disp`, 32 bits, wrapping.
    pub fn lea32(&mut self, d: Gpr, base: Gpr, disp: i32) {
        self.general(false, 0x8d, d.0, Rm::Mem(base, disp));
    }

    /// `d = base + disp`, 64 bits.
    pub fn lea64(&mut self, d: Gpr, base: Gpr, disp: i32) {
        self.general(true, 0x8d, d.0, Rm::Mem(base, disp));
    }

    /// `d = 0`.
    pub fn zero(&mut self, d: Gpr) {
        self.general(false, 0x31, d.0, Rm::Gpr(d));
    }

    /// `d = s`, 64 bits.
    pub fn copy64(&mut self, d: Gpr, s: Gpr) {
        self.general(true, 0x8b, d.0, Rm::Gpr(s));
    }

    /// Compares `a` with `[base + disp]`, 64 bits.
    pub fn compare64(&mut self, a: Gpr, base: Gpr, disp: i32) {
        self.general(true, 0x3b, a.0, Rm::Mem(base, disp));
    }

    /// Calls the function at `[base + disp]`.
    pub fn call(&mut self, base: Gpr, disp: i32) {
        self.general(false, 0xff, 2, Rm::Mem(base, disp));
    }

    /// `d -= 1`, 64 bits, with flags.
    pub fn decrement(&mut self, d: Gpr) {
        self.general(true, 0xff, 1, Rm::Gpr(d));
    }

    pub fn push(&mut self, r: Gpr) {
        if r.0 > 7 {
            self.put(&[0x41]);
        }
        self.put(&[0x50 | r.0 & 7]);
    }

    pub fn pop(&mut self, r: Gpr) {
        if r.0 > 7 {
            self.put(&[0x41]);
        }
        self.put(&[0x58 | r.0 & 7]);
    }

    /// Forgets the upper parts of vector registers, which slow down code without AVX, and returns.
    pub fn leave(&mut self) {
        self.put(&[0xc5, 0xf8, 0x77, 0xc3]);
    }

    /// Returns.
    pub fn back(&mut self) {
        self.put(&[0xc3]);
    }

    /// Calls what is at a place.
    pub fn call_near(&mut self, t: Target) {
        self.put(&[0xe8, 0, 0, 0, 0]);
        self.jumps.push((self.bytes.len(), t));
    }

    /// A new place for jumps, bound later.
    pub fn target(&mut self) -> Target {
        self.targets.push(None);
        Target(self.targets.len() - 1)
    }

    /// The place is here.
    pub fn bind(&mut self, t: Target) {
        self.targets[t.0] = Some(self.bytes.len());
    }

    pub fn jump_if(&mut self, condition: If, t: Target) {
        self.put(&[0x0f, 0x80 | condition as u8, 0, 0, 0, 0]);
        self.jumps.push((self.bytes.len(), t));
    }

    pub fn jump(&mut self, t: Target) {
        self.put(&[0xe9, 0, 0, 0, 0]);
        self.jumps.push((self.bytes.len(), t));
    }

    /// The bytes, with all jumps resolved.
    ///
    /// # Panics
    /// Where a target was not bound.
    pub fn finish(mut self) -> Vec<u8> {
        for (end, t) in self.jumps {
            let to = self.targets[t.0].expect("bug: a jump to nowhere");
            let distance = to as i64 - end as i64;
            self.bytes[end - 4..end].copy_from_slice(&(distance as i32).to_le_bytes());
        }
        self.bytes
    }
}
