//! Casts, bit casts included.
use naga::{Expression, Handle, Scalar, ScalarKind};

use super::{super::layout::Num, Builder, Reg, Res, Un, WideFrom, WideInto};

impl Builder<'_> {
    pub(super) fn cast(
        &mut self,
        e: Handle<Expression>,
        kind: ScalarKind,
        convert: Option<naga::Bytes>,
    ) -> Res<Vec<Reg>> {
        let from = self.num(e)?;
        let words = self.words(e)?;
        let Some(width) = convert else {
            let width = match from {
                Num::F16 | Num::S16 | Num::U16 => 2,
                Num::S64 | Num::U64 => 8,
                Num::F32 | Num::S32 | Num::U32 | Num::Bool => 4,
            };
            let to = Num::of(Scalar { kind, width })?;
            return Ok(words.iter().map(|w| self.bit_cast(from, to, *w)).collect());
        };
        let to = Num::of(Scalar { kind, width })?;
        Ok(words.chunks(from.words()).flat_map(|x| self.convert(from, to, x)).collect())
    }

    /// The same bits, of scalars of the same width.
    fn bit_cast(&mut self, from: Num, to: Num, x: Reg) -> Reg {
        match (from, to) {
            (Num::F16, Num::U16) => self.un(Un::F32ToF16Bits, x),
            (Num::F16, Num::S16) => {
                let bits = self.un(Un::F32ToF16Bits, x);
                self.un(Un::Ext16S, bits)
            }
            (Num::U16 | Num::S16, Num::F16) => self.un(Un::F16BitsToF32, x),
            (Num::U16, Num::S16) | (Num::S16, Num::U16) => self.narrow(to, x),
            _ => x,
        }
    }

    /// One scalar to another kind.
    pub(super) fn convert(&mut self, from: Num, to: Num, x: &[Reg]) -> Vec<Reg> {
        if from == to {
            return x.to_vec();
        }
        if from.is_wide() {
            return self.convert_wide(from, to, [x[0], x[1]]);
        }
        let x = x[0];
        if to.is_wide() {
            let f = match (from, to) {
                (Num::F32 | Num::F16, Num::S64) => WideFrom::F32ToS64,
                (Num::F32 | Num::F16, _) => WideFrom::F32ToU64,
                (Num::S32 | Num::S16, _) => WideFrom::S32,
                (Num::Bool, _) => {
                    let bit = self.un(Un::BToInt, x);
                    return self.wide_from(WideFrom::U32, bit).to_vec();
                }
                (Num::U32 | Num::U16 | Num::S64 | Num::U64, _) => WideFrom::U32,
            };
            return self.wide_from(f, x).to_vec();
        }
        let f = match (from, to) {
            (Num::F32, Num::F16) => Un::RoundF16,
            (Num::F32 | Num::F16, Num::S32) => Un::F32ToS32,
            (Num::F32 | Num::F16, Num::U32) => Un::F32ToU32,
            (Num::F32 | Num::F16, Num::S16) => Un::F32ToS16,
            (Num::F32 | Num::F16, Num::U16) => Un::F32ToU16,
            (Num::F32 | Num::F16, Num::Bool) => Un::FToB,
            (Num::Bool, Num::F32 | Num::F16) => Un::BToF32,
            (Num::Bool, _) => Un::BToInt,
            (_, Num::Bool) => Un::IntToB,
            (Num::S32 | Num::S16, Num::F32 | Num::F16) => Un::S32ToF32,
            (Num::U32 | Num::U16, Num::F32 | Num::F16) => Un::U32ToF32,
            (_, Num::S16) => Un::Ext16S,
            (_, Num::U16) => Un::Ext16U,
            // the same word: f16 to f32, signed to unsigned, 16 bits to 32
            _ => return vec![x],
        };
        let d = self.un(f, x);
        // an integer beyond the exact integers of f32 is infinite in f16, so that rounding twice does no harm
        vec![if to == Num::F16 { self.un(Un::RoundF16, d) } else { d }]
    }

    fn convert_wide(&mut self, from: Num, to: Num, x: [Reg; 2]) -> Vec<Reg> {
        match to {
            Num::S64 | Num::U64 => x.to_vec(),
            Num::S32 | Num::U32 => vec![x[0]],
            Num::S16 | Num::U16 => vec![self.narrow(to, x[0])],
            Num::Bool => vec![self.wide_into(WideInto::ToB, x)],
            Num::F32 | Num::F16 => {
                let f = if from == Num::S64 { WideInto::S64ToF32 } else { WideInto::U64ToF32 };
                let d = self.wide_into(f, x);
                vec![self.narrow(to, d)]
            }
        }
    }
}
