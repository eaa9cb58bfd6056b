//! Making values: constants are folded, and what arithmetic makes simpler is made simpler.
use super::super::super::math::{Bin, Qua, Ter, Un, WideBin, WideCmp, WideFrom, WideInto, WideUn};
use super::{Builder, Key, Reg};

impl Builder<'_> {
    pub(super) fn un(&mut self, f: Un, a: Reg) -> Reg {
        if let (true, Some(x)) = (f.portable(), self.tree.constant(a)) {
            return self.constant(f.eval(x));
        }
        self.make(Key::Un(f, a))[0]
    }

    pub(super) fn bin(&mut self, f: Bin, a: Reg, b: Reg) -> Reg {
        let (x, y) = (self.tree.constant(a), self.tree.constant(b));
        if let (true, Some(x), Some(y)) = (f.portable(), x, y) {
            return self.constant(f.eval(x, y));
        }
        let commutes = matches!(
            f,
            Bin::IAdd
                | Bin::IMul
                | Bin::And
                | Bin::Or
                | Bin::Xor
                | Bin::IEq
                | Bin::INe
                | Bin::SMin
                | Bin::SMax
                | Bin::UMin
                | Bin::UMax
                | Bin::FAdd
                | Bin::FMul
        );
        // a constant second, else the older register first
        let (a, b, y) = if commutes && (x.is_some() || (y.is_none() && b < a)) { (b, a, x) } else { (a, b, y) };
        if let Some(y) = y
            && let Some(r) = self.with_constant(f, a, y)
        {
            return r;
        }
        self.make(Key::Bin(f, [a, b]))[0]
    }

    /// `f(a, y)` by something cheaper.
    fn with_constant(&mut self, f: Bin, a: Reg, y: u32) -> Option<Reg> {
        const ONE: u32 = 0x3f80_0000;
        let power = y.is_power_of_two().then(|| y.trailing_zeros());
        Some(match (f, y) {
            (Bin::IAdd | Bin::ISub | Bin::Or | Bin::Xor | Bin::Shl | Bin::ShrU | Bin::ShrS, 0)
            | (Bin::IMul | Bin::UDiv | Bin::SDiv, 1)
            | (Bin::And, u32::MAX)
            | (Bin::FMul | Bin::FDiv, ONE) => a,
            (Bin::IMul | Bin::And, 0) | (Bin::URem, 1) => self.constant(0),
            (Bin::Or, u32::MAX) => self.constant(u32::MAX),
            (Bin::IMul, _) => {
                let k = self.constant(power?);
                self.bin(Bin::Shl, a, k)
            }
            (Bin::UDiv, _) => {
                let k = self.constant(power?);
                self.bin(Bin::ShrU, a, k)
            }
            (Bin::URem, _) => {
                power?;
                let k = self.constant(y - 1);
                self.bin(Bin::And, a, k)
            }
            (Bin::ISub, _) => {
                let k = self.constant(y.wrapping_neg());
                self.bin(Bin::IAdd, a, k)
            }
            _ => return None,
        })
    }

    pub(super) fn ter(&mut self, f: Ter, a: [Reg; 3]) -> Reg {
        let [x, y, z] = a.map(|r| self.tree.constant(r));
        if let (true, Some(x), Some(y), Some(z)) = (f.portable(), x, y, z) {
            return self.constant(f.eval(x, y, z));
        }
        if f == Ter::Select {
            match x {
                _ if a[1] == a[2] => return a[1],
                Some(0) => return a[2],
                Some(_) => return a[1],
                None => {}
            }
            if (y, z) == (Some(u32::MAX), Some(0)) {
                return a[0];
            }
        }
        self.make(Key::Ter(f, a))[0]
    }

    pub(super) fn qua(&mut self, f: Qua, a: [Reg; 4]) -> Reg {
        if let [Some(x), Some(y), Some(z), Some(w)] = a.map(|r| self.tree.constant(r)) {
            return self.constant(f.eval(x, y, z, w));
        }
        self.make(Key::Qua(f, a))[0]
    }

    pub(super) fn wide_un(&mut self, f: WideUn, a: [Reg; 2]) -> [Reg; 2] {
        let d = self.make(Key::WideUn(f, a));
        [d[0], d[1]]
    }
    pub(super) fn wide_bin(&mut self, f: WideBin, a: [Reg; 2], b: [Reg; 2]) -> [Reg; 2] {
        let d = self.make(Key::WideBin(f, [a, b]));
        [d[0], d[1]]
    }
    pub(super) fn wide_cmp(&mut self, f: WideCmp, a: [Reg; 2], b: [Reg; 2]) -> Reg {
        self.make(Key::WideCmp(f, [a, b]))[0]
    }
    pub(super) fn wide_from(&mut self, f: WideFrom, a: Reg) -> [Reg; 2] {
        if f == WideFrom::U32 {
            return [a, self.constant(0)];
        }
        let d = self.make(Key::WideFrom(f, a));
        [d[0], d[1]]
    }
    pub(super) fn wide_into(&mut self, f: WideInto, a: [Reg; 2]) -> Reg {
        self.make(Key::WideInto(f, a))[0]
    }

    pub(super) fn select(&mut self, condition: Reg, accept: Reg, reject: Reg) -> Reg {
        self.ter(Ter::Select, [condition, accept, reject])
    }
    /// `x * y + z`
    pub(super) fn fma(&mut self, x: Reg, y: Reg, z: Reg) -> Reg {
        self.ter(Ter::FFma, [x, y, z])
    }
    pub(super) fn float(&mut self, x: f32) -> Reg {
        self.constant(x.to_bits())
    }
}
