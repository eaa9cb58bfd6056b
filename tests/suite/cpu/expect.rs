//! What a built-in may answer: the one right word, or an interval by the accuracy table of the WGSL specification, around the value in
//! double precision.

/// What is right for one word.
#[derive(Clone, Copy, Debug)]
pub enum Expect {
    /// This word.
    Word(u32),
    /// An f32 that far from the value. `spec` is what WGSL allows, `ours` what the CPU device keeps.
    Near { want: f64, spec: f64, ours: f64 },
    /// The f32 of this value, signs of zero and kinds of NaN aside.
    Real(f32),
    /// Either of them.
    Either(f32, f32),
    /// WGSL leaves it open.
    Open,
}

/// The spacing of f32 numbers at `x`.
pub fn ulp(x: f64) -> f64 {
    let e = (x.abs().to_bits() >> 52) as i32 - 1023;
    2f64.powi(e.clamp(-126, 127) - 23)
}

/// A normal number, or zero: what every implementation must treat alike.
pub fn plain(x: f32) -> bool {
    x == 0.0 || x.is_normal()
}

fn real(got: u32, want: f32) -> bool {
    let got = f32::from_bits(got);
    got == want || got.is_nan() && want.is_nan()
}

impl Expect {
    /// `want` within some units in the last place by the specification, and 5 on the CPU device.
    pub fn ulps(want: f64, spec: f64) -> Self {
        Self::Near { want, spec: spec * ulp(want), ours: spec.min(5.0) * ulp(want) }
    }

    /// `want` within a distance by the specification, and 5 units in the last place on the CPU device.
    pub fn within(want: f64, spec: f64) -> Self {
        let ours = 5.0 * ulp(want);
        Self::Near { want, spec: spec.max(ours), ours }
    }

    /// Is the answer right? `strict`: infinities, NaN and subnormal numbers count as IEEE 754 has them, and our own bounds hold.
    pub fn holds(self, got: u32, strict: bool) -> bool {
        let x = f64::from(f32::from_bits(got));
        match self {
            Self::Open => true,
            Self::Word(want) => got == want,
            Self::Real(want) | Self::Either(want, _) if !strict && !plain(want) => true,
            Self::Real(want) => real(got, want),
            Self::Either(a, b) => real(got, a) || real(got, b),
            Self::Near { want, .. } if !strict && !plain(want as f32) => true,
            Self::Near { want, .. } if want.is_nan() => x.is_nan(),
            Self::Near { want, spec, ours } => {
                let far = if strict { ours } else { spec };
                // what rounds to infinity may be it, and may be the greatest number
                let (low, high) = ((want - far) as f32, (want + far) as f32);
                let x = f32::from_bits(got);
                low <= x && x <= high
            }
        }
    }
}
