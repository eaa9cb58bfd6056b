//! Subgroup operations.
use naga::{CollectiveOperation as C, Direction, Expression, GatherMode, Handle, SubgroupOperation as S};

use super::{
    super::{
        super::tape::{BuiltIn, Collective, Combine, Gather},
        layout::Num,
    },
    Bin, Builder, Op, Reg, Res, Value, WideBin,
};

impl Builder<'_> {
    fn give(&mut self, result: Handle<Expression>, words: Vec<Reg>) {
        self.cross_lane = true;
        self.frame_mut().values[result.index()] = Some(Value::Words(words));
    }

    pub(super) fn ballot(&mut self, result: Handle<Expression>, predicate: Option<Handle<Expression>>) -> Res<()> {
        let predicate = match predicate {
            Some(e) => Some(self.word(e)?),
            None => None,
        };
        let d = self.ballot_of(predicate);
        self.give(result, d.to_vec());
        Ok(())
    }
    fn ballot_of(&mut self, predicate: Option<Reg>) -> [Reg; 4] {
        let d = std::array::from_fn(|_| self.value());
        self.push(Op::Ballot { d, predicate, at: self.at });
        d
    }

    pub(super) fn gather(
        &mut self,
        mode: GatherMode,
        argument: Handle<Expression>,
        result: Handle<Expression>,
    ) -> Res<()> {
        let (how, index) = match mode {
            GatherMode::BroadcastFirst => (Gather::First, None),
            GatherMode::Broadcast(e) | GatherMode::Shuffle(e) => (Gather::Lane, Some(self.word(e)?)),
            GatherMode::ShuffleDown(e) => (Gather::Down, Some(self.word(e)?)),
            GatherMode::ShuffleUp(e) => (Gather::Up, Some(self.word(e)?)),
            GatherMode::ShuffleXor(e) => (Gather::Xor, Some(self.word(e)?)),
            GatherMode::QuadBroadcast(e) => (Gather::Quad, Some(self.word(e)?)),
            GatherMode::QuadSwap(direction) => {
                let other = match direction {
                    Direction::X => 1,
                    Direction::Y => 2,
                    Direction::Diagonal => 3,
                };
                (Gather::QuadSwap, Some(self.constant(other)))
            }
        };
        let words = self.words(argument)?;
        let d = words.iter().map(|s| self.gather_word(how, *s, index)).collect();
        self.give(result, d);
        Ok(())
    }
    fn gather_word(&mut self, how: Gather, s: Reg, index: Option<Reg>) -> Reg {
        let d = self.value();
        self.push(Op::Gather { how, d, s, index, at: self.at });
        d
    }

    pub(super) fn collect(
        &mut self,
        op: S,
        how: C,
        argument: Handle<Expression>,
        result: Handle<Expression>,
    ) -> Res<()> {
        let num = self.num(argument)?;
        let words = self.words(argument)?;
        let how = match how {
            C::Reduce => Collective::Reduce,
            C::InclusiveScan => Collective::Inclusive,
            C::ExclusiveScan => Collective::Exclusive,
        };
        let mut out = vec![];
        for x in words.chunks(num.words()) {
            if num.is_wide() {
                out.extend(self.collect_wide(op, how, num, [x[0], x[1]])?);
                continue;
            }
            let f = combine(op, num).ok_or_else(|| format!("subgroup operation {op:?} on {num:?}"))?;
            let d = self.value();
            self.push(Op::Collect { how, f, d, s: x[0], at: self.at });
            out.push(if num.is_short() { self.narrow(num, d) } else { d });
        }
        self.give(result, out);
        Ok(())
    }

    /// 64-bit integers, lane after lane of the subgroup: there is no instruction of their own for so rare a thing.
    fn collect_wide(&mut self, op: S, how: Collective, num: Num, x: [Reg; 2]) -> Res<[Reg; 2]> {
        let signed = num.is_signed();
        let by_sign = |s, u| if signed { s } else { u };
        let (f, identity) = match op {
            S::Add => (WideBin::Add, 0),
            S::Mul => (WideBin::Mul, 1),
            S::Min => (by_sign(WideBin::SMin, WideBin::UMin), if signed { i64::MAX.cast_unsigned() } else { u64::MAX }),
            S::Max => (by_sign(WideBin::SMax, WideBin::UMax), if signed { i64::MIN.cast_unsigned() } else { 0 }),
            S::And | S::Or | S::Xor => {
                let f = combine(op, Num::U32).ok_or("subgroup operation")?;
                return Ok(x.map(|s| {
                    let d = self.value();
                    self.push(Op::Collect { how, f, d, s, at: self.at });
                    d
                }));
            }
            S::All | S::Any => return Err(format!("subgroup operation {op:?} on {num:?}").into()),
        };
        let active = self.ballot_of(None);
        let me = self.builtin(BuiltIn::SubgroupLane);
        let mut sum = self.wide_constant(identity);
        for lane in 0..self.config.subgroup {
            let k = self.constant(lane);
            let theirs = x.map(|s| self.gather_word(Gather::Lane, s, Some(k)));
            let bit = self.constant(1 << (lane % 32));
            let (bits, zero) = (self.bin(Bin::And, active[lane as usize / 32], bit), self.constant(0));
            let mut counts = self.bin(Bin::INe, bits, zero);
            let inside = match how {
                Collective::Reduce => None,
                Collective::Inclusive => Some(self.bin(Bin::ULe, k, me)),
                Collective::Exclusive => Some(self.bin(Bin::ULt, k, me)),
            };
            if let Some(inside) = inside {
                counts = self.bin(Bin::And, counts, inside);
            }
            let next = self.wide_bin(f, sum, theirs);
            sum = std::array::from_fn(|i| self.select(counts, next[i], sum[i]));
        }
        Ok(sum)
    }
}

fn combine(op: S, num: Num) -> Option<Combine> {
    let pick = |f32, f16, s, u| match num {
        Num::F32 => f32,
        Num::F16 => f16,
        Num::S32 | Num::S16 | Num::S64 => s,
        Num::U32 | Num::U16 | Num::U64 | Num::Bool => u,
    };
    Some(match op {
        S::All => Combine::All,
        S::Any => Combine::Any,
        S::Add => pick(Combine::AddF, Combine::AddF16, Combine::AddI, Combine::AddI),
        S::Mul => pick(Combine::MulF, Combine::MulF16, Combine::MulI, Combine::MulI),
        S::Min => pick(Combine::MinF, Combine::MinF16, Combine::MinS, Combine::MinU),
        S::Max => pick(Combine::MaxF, Combine::MaxF16, Combine::MaxS, Combine::MaxU),
        S::And | S::Or | S::Xor if num.is_float() => return None,
        S::And => Combine::And,
        S::Or => Combine::Or,
        S::Xor => Combine::Xor,
    })
}
