//! Loads and stores. A line whose lanes lie one after the other and in bounds is moved at once; every other line lane by lane, by
//! gathers and scatters under a mask of the lanes that are in bounds.
use super::Emitter;
use super::allocate::{MASKED, PART, U, V, W};
use super::encode as x;
use super::encode::{Gpr, If, K, K0, R13, RAX, RBP, RCX, RDX, Rm, Target, Zmm};
use super::step::{Access, Lie, Operand, Value};

/// Lanes that a gather or scatter still has to do.
const LEFT: K = K(3);
/// Registers that point to memory variables.
const POINTERS: [Gpr; 6] = [Gpr(6), Gpr(7), Gpr(8), Gpr(9), Gpr(10), Gpr(11)];

/// The lane by lane form of an access, which stands behind the loop.
pub struct Slow {
    from: Target,
    back: Target,
    access: usize,
    /// Registers of the words.
    words: Vec<Zmm>,
    mask: Option<K>,
}

/// For each word of the result its place in `n` registers that are given two by two: `n - 1` permutations.
fn plan(n: usize, of: impl Fn(usize) -> usize) -> Vec<[u32; 16]> {
    let first = std::array::from_fn(|j| (of(j) % 32) as u32);
    let second = std::array::from_fn(|j| if of(j) < 32 { j as u32 } else { 16 + (of(j) - 32) as u32 });
    if n == 2 { vec![first] } else { vec![first, second] }
}

impl Emitter<'_> {
    /// Loads the pointers of the memory variables.
    pub fn pointers(&mut self) {
        for n in 0..self.mems.len() {
            self.code.load64(POINTERS[n], R13, super::Arguments::MEMORY + 8 * n as i32);
        }
    }

    /// The same; nothing else is known of general registers now.
    pub fn memories(&mut self) {
        self.pointers();
        self.bases = [None; 2];
    }

    fn pointer(&mut self, mem: u16) -> Gpr {
        let n = self.mems.iter().position(|m| *m == mem).expect("bug: a memory variable that was not counted");
        POINTERS[n]
    }

    /// Where the arguments hold the greatest address at which so many bytes are in bounds.
    fn limit(&mut self, mem: u16, bytes: u32) -> i32 {
        let n = self.limits.iter().position(|l| *l == (mem, bytes)).unwrap_or(self.limits.len());
        if n == self.limits.len() {
            self.limits.push((mem, bytes));
        }
        super::Arguments::LIMITS + 8 * n as i32
    }

    /// The address of a line's first lane to RAX.
    pub fn address(&mut self, a: &Access) {
        let key = Some((a.lane, a.uniform));
        let n = self.bases.iter().position(|b| *b == key).unwrap_or_else(|| {
            // checks need the other register
            self.older = if self.looks { 0 } else { self.older ^ 1 };
            let (n, r) = (self.older, [RCX, RDX][self.older]);
            match a.lane {
                Some(lane) => self.code.load32(r, x::RBX, (lane.ix() * self.stride * 64) as i32),
                None => self.code.zero(r),
            }
            if let Some(u) = a.uniform {
                self.code.add32(r, RBP, 4 * u as i32);
            }
            self.bases[n] = key;
            n
        });
        self.code.lea32(RAX, [RCX, RDX][n], a.offset.cast_signed());
    }

    /// Goes to `slow` where the bytes from the address in RAX on are not all in bounds.
    pub fn bounds(&mut self, mem: u16, bytes: u32, slow: Target) {
        let limit = self.limit(mem, bytes);
        self.code.compare64(RAX, R13, limit);
        self.code.jump_if(If::Greater, slow);
    }

    /// The address of each lane to `W`, from that in RAX, or from a vector.
    fn addresses(&mut self, a: &Access, at: Option<Operand>) {
        if let Some(at) = at {
            let lanes = self.in_register(at);
            match a.uniform {
                Some(u) => self.code.three(x::PADDD, W, lanes, Rm::Spread(RBP, 4 * u as i32)),
                None => self.code.two(x::MOVE, W, Rm::Zmm(lanes)),
            }
            if a.offset != 0 {
                let offset = self.word(a.offset);
                self.code.three(x::PADDD, W, W, offset);
            }
        } else {
            let steps = self.line(std::array::from_fn(|j| (j * 4 * a.n) as u32));
            self.code.two(x::BROADCAST_GPR, W, Rm::Gpr(RAX));
            self.code.three(x::PADDD, W, W, steps);
        }
    }

    /// The lanes whose address in `W` is in bounds (and that are set in `k`) to `PART`.
    fn inside(&mut self, a: &Access, k: K) {
        let limit = self.limit(a.mem, 4 * a.n as u32);
        self.elements.insert((a.mem, 4 * a.n as u32));
        self.code.compare(x::PCMPUD, PART, W, Rm::Spread(R13, limit), Some(2), k);
    }

    /// The words at the addresses in `W`, zero where they are not in bounds.
    fn gather(&mut self, a: &Access, words: &[Zmm]) {
        self.inside(a, K0);
        let p = self.pointer(a.mem);
        for (n, d) in words.iter().enumerate() {
            self.code.copy_mask(LEFT, PART);
            self.code.three(x::PXORD, *d, *d, Rm::Zmm(*d));
            self.code.masked(x::GATHER, *d, Rm::Each(p, W, 4 * n as i32), LEFT);
        }
    }

    /// The words to the addresses in `W` that are in bounds, where the mask is set.
    fn scatter(&mut self, a: &Access, words: &[Zmm], mask: K) {
        self.inside(a, mask);
        let p = self.pointer(a.mem);
        for (n, s) in words.iter().enumerate() {
            self.code.copy_mask(LEFT, PART);
            self.code.masked(x::SCATTER, *s, Rm::Each(p, W, 4 * n as i32), LEFT);
        }
    }

    /// A load.
    pub fn load(&mut self, d: &[Value], access: usize, at: Option<Operand>) {
        let a = self.region.accesses[access].clone();
        if a.lie == Lie::Any {
            self.addresses(&a, at);
            let words: Vec<Zmm> = d.iter().map(|v| self.new_value(*v)).collect();
            return self.gather(&a, &words);
        }
        let words: Vec<Zmm> = d.iter().map(|v| self.new_value(*v)).collect();
        self.address(&a);
        let (from, back, p) = (self.code.target(), self.code.target(), self.pointer(a.mem));
        if a.lie == Lie::Same {
            self.bounds(a.mem, 4 * a.n as u32, from);
            for (n, d) in words.iter().enumerate() {
                self.code.two(x::BROADCAST, *d, Rm::Wide(p, RAX, 4 * n as i32));
            }
        } else {
            self.bounds(a.mem, 64 * a.n as u32, from);
            self.split(p, &words);
        }
        self.code.bind(back);
        self.slow.push(Slow { from, back, access, words, mask: None });
    }

    /// Sixteen elements at a pointer plus RAX, by component.
    fn split(&mut self, p: Gpr, d: &[Zmm]) {
        let part = |n: i32| Rm::Wide(p, RAX, 64 * n);
        match d.len() {
            1 => self.code.two(x::LOAD, d[0], part(0)),
            4 => {
                for half in 0..2 {
                    let order = self.line(std::array::from_fn(|j| (j % 8 * 4 + j / 8 + 2 * half) as u32));
                    for (to, n) in [(U, 0), (V, 2)] {
                        self.code.two(x::LOAD, W, part(n));
                        self.fill(to, order);
                        self.code.three(x::PERMI2D, to, W, part(n + 1));
                    }
                    self.code.three_byte(x::SHUFI64X2, d[2 * half], U, Rm::Zmm(V), 0x44);
                    self.code.three_byte(x::SHUFI64X2, d[2 * half + 1], U, Rm::Zmm(V), 0xee);
                }
            }
            n => {
                self.code.two(x::LOAD, W, part(0));
                for (c, d) in d.iter().enumerate() {
                    let plan = plan(n, |j| n * j + c);
                    let order = self.line(plan[0]);
                    self.fill(*d, order);
                    self.code.three(x::PERMI2D, *d, W, part(1));
                    if let Some(second) = plan.get(1) {
                        self.code.two(x::MOVE, U, Rm::Zmm(*d));
                        let order = self.line(*second);
                        self.fill(*d, order);
                        self.code.three(x::PERMI2D, *d, U, part(2));
                    }
                }
            }
        }
    }

    /// The reverse.
    fn join(&mut self, p: Gpr, s: &[Zmm]) {
        let part = |n: i32| Rm::Wide(p, RAX, 64 * n);
        match s.len() {
            1 => self.code.two(x::STORE, s[0], part(0)),
            4 => {
                for (half, choice) in [(0, 0x44), (1, 0xee)] {
                    self.code.three_byte(x::SHUFI64X2, U, s[0], Rm::Zmm(s[1]), choice);
                    self.code.three_byte(x::SHUFI64X2, V, s[2], Rm::Zmm(s[3]), choice);
                    for q in 0..2 {
                        let order = self.line(std::array::from_fn(|j| (j % 4 * 8 + j / 4 + 4 * q) as u32));
                        self.fill(W, order);
                        self.code.three(x::PERMI2D, W, U, Rm::Zmm(V));
                        self.code.two(x::STORE, W, part(2 * half + q as i32));
                    }
                }
            }
            n => {
                for q in 0..n {
                    let plan = plan(n, |j| (16 * q + j) / n + (16 * q + j) % n * 16);
                    let order = self.line(plan[0]);
                    self.fill(W, order);
                    self.code.three(x::PERMI2D, W, s[0], Rm::Zmm(s[1]));
                    if let Some(second) = plan.get(1) {
                        let order = self.line(*second);
                        self.fill(U, order);
                        self.code.three(x::PERMI2D, U, W, Rm::Zmm(s[2]));
                        self.code.two(x::MOVE, W, Rm::Zmm(U));
                    }
                    self.code.two(x::STORE, W, part(q as i32));
                }
            }
        }
    }

    /// A store.
    pub fn store(&mut self, s: &[Operand], access: usize, at: Option<Operand>, mask: Operand) {
        let a = self.region.accesses[access].clone();
        let k = self.mask(mask);
        let words: Vec<Zmm> = s.iter().map(|o| self.in_register(*o)).collect();
        if a.lie == Lie::Any {
            self.addresses(&a, at);
            return self.scatter(&a, &words, k);
        }
        self.address(&a);
        let (from, back, p) = (self.code.target(), self.code.target(), self.pointer(a.mem));
        self.code.all_set(MASKED);
        self.code.jump_if(If::NotCarry, from);
        self.bounds(a.mem, 64 * a.n as u32, from);
        self.join(p, &words);
        self.code.bind(back);
        self.slow.push(Slow { from, back, access, words, mask: Some(k) });
    }

    /// What stands behind the loop.
    pub fn slow(&mut self) {
        for slow in std::mem::take(&mut self.slow) {
            let a = self.region.accesses[slow.access].clone();
            self.code.bind(slow.from);
            match (a.lie, slow.mask) {
                (Lie::Same, _) => {
                    for d in &slow.words {
                        self.code.three(x::PXORD, *d, *d, Rm::Zmm(*d));
                    }
                }
                (_, None) => {
                    self.addresses(&a, None);
                    self.gather(&a, &slow.words);
                }
                (_, Some(mask)) => {
                    self.addresses(&a, None);
                    self.scatter(&a, &slow.words, mask);
                }
            }
            self.code.jump(slow.back);
        }
    }
}
