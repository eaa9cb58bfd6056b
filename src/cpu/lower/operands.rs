//! Which registers an instruction reads and writes: the one place that knows, for every pass.
use super::super::tape::{Addr, Bound, Op, Reg};

/// What an instruction does with a register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// It reads the register.
    Read,
    /// It writes the register ([`Op::Mov`]: under the mask).
    Write,
    /// It reads some of so many consecutive registers, this one first.
    ReadGroup(u32),
    /// It writes some of so many consecutive registers, this one first.
    WriteGroup(u32),
}

macro_rules! walk {
    ($(#[$doc:meta])* $name:ident $address:ident $($m:tt)?) => {
        fn $address(addr: &$($m)? Addr, f: &mut impl FnMut(Role, &$($m)? Reg)) {
            for r in (&$($m)? addr.lane).into_iter().chain(&$($m)? addr.uniform) {
                f(Role::Read, r);
            }
        }

        $(#[$doc])*
        #[expect(clippy::too_many_lines, reason = "an arm for each instruction")]
        pub fn $name(op: &$($m)? Op, mut f: impl FnMut(Role, &$($m)? Reg)) {
            let f = &mut f;
            let all = |role: Role, rs: &mut dyn Iterator<Item = &$($m)? Reg>, f: &mut dyn FnMut(Role, &$($m)? Reg)| rs.for_each(|r| f(role, r));
            match op {
                Op::Un(_, d, a) | Op::Mov(d, a) | Op::Copy(d, a) => {
                    f(Role::Read, a);
                    f(Role::Write, d);
                }
                Op::Bin(_, d, a) => {
                    all(Role::Read, &mut a.into_iter(), f);
                    f(Role::Write, d);
                }
                Op::Ter(_, d, a) => {
                    all(Role::Read, &mut a.into_iter(), f);
                    f(Role::Write, d);
                }
                Op::Qua(_, d, a) => {
                    all(Role::Read, &mut a.into_iter(), f);
                    f(Role::Write, d);
                }
                Op::WideUn(_, d, a) => {
                    all(Role::Read, &mut a.into_iter(), f);
                    all(Role::Write, &mut d.into_iter(), f);
                }
                Op::WideBin(_, d, a) => {
                    all(Role::Read, &mut a.into_iter().flatten(), f);
                    all(Role::Write, &mut d.into_iter(), f);
                }
                Op::WideCmp(_, d, a) => {
                    all(Role::Read, &mut a.into_iter().flatten(), f);
                    f(Role::Write, d);
                }
                Op::WideFrom(_, d, a) => {
                    f(Role::Read, a);
                    all(Role::Write, &mut d.into_iter(), f);
                }
                Op::WideInto(_, d, a) => {
                    all(Role::Read, &mut a.into_iter(), f);
                    f(Role::Write, d);
                }
                Op::Pick { d, first, count, index } => {
                    f(Role::Read, index);
                    f(Role::ReadGroup(*count), first);
                    f(Role::Write, d);
                }
                Op::Put { first, count, index, s } => {
                    f(Role::Read, index);
                    f(Role::Read, s);
                    f(Role::WriteGroup(*count), first);
                }
                Op::Load { d, addr, .. } => {
                    $address(addr, f);
                    all(Role::Write, &mut d.into_iter(), f);
                }
                Op::Store { s, addr, .. } => {
                    $address(addr, f);
                    all(Role::Read, &mut s.into_iter(), f);
                }
                Op::Length { d, .. } => f(Role::Write, d),
                Op::Atomic { d, addr, s, .. } => {
                    $address(addr, f);
                    all(Role::Read, &mut s.into_iter(), f);
                    all(Role::Write, &mut d.into_iter(), f);
                }
                Op::AtomicWide { d, addr, s, .. } => {
                    $address(addr, f);
                    all(Role::Read, &mut s.into_iter().flatten(), f);
                    all(Role::Write, &mut d.into_iter().flatten(), f);
                }
                Op::Ballot { d, predicate, .. } => {
                    all(Role::Read, &mut predicate.into_iter(), f);
                    all(Role::Write, &mut d.into_iter(), f);
                }
                Op::Collect { d, s, .. } => {
                    f(Role::Read, s);
                    f(Role::Write, d);
                }
                Op::Gather { d, s, index, .. } => {
                    f(Role::Read, s);
                    all(Role::Read, &mut index.into_iter(), f);
                    f(Role::Write, d);
                }
                Op::Label(_) | Op::Jump(_) | Op::JumpNone(_) | Op::JumpAny(_) | Op::Barrier { .. } | Op::End => {}
                Op::JumpZero(r, _) | Op::JumpNonzero(r, _) | Op::SetMask(r) => f(Role::Read, r),
                Op::CheckIndex { index, bound, .. } => {
                    f(Role::Read, index);
                    if let Bound::Reg(r) = bound {
                        f(Role::Read, r);
                    }
                }
                Op::CheckDivisor { d, .. } => f(Role::Read, d),
                Op::CheckFinite { d, s, .. } => {
                    f(Role::Read, d);
                    all(Role::Read, &mut s.into_iter(), f);
                }
                Op::Forget { first, count } => f(Role::WriteGroup(*count), first),
                Op::CheckWritten { s, .. } => f(Role::Read, s),
            }
        }
    };
}

walk! {
    /// Visits the registers of an instruction, those read first.
    visit address
}
walk! {
    /// Visits the registers of an instruction to change their names, those read first.
    visit_mut address_mut mut
}

/// The registers an instruction writes singly.
pub fn written(op: &Op) -> Vec<Reg> {
    let mut out = vec![];
    visit(op, |role, r| {
        if role == Role::Write {
            out.push(*r);
        }
    });
    out
}

/// The registers an instruction reads singly.
pub fn read(op: &Op) -> Vec<Reg> {
    let mut out = vec![];
    visit(op, |role, r| {
        if role == Role::Read {
            out.push(*r);
        }
    });
    out
}
