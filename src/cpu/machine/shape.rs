//! How the lane parts of addresses lie to each other.
use super::line::{LANES, Lane, Words};

/// The shape of the lane part of an address over a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shape {
    kind: Kind,
    /// From one lane of a line to the next, in bytes.
    stride: u32,
    /// Every line begins at the same address.
    same: bool,
    /// Every line begins where the one before it ends, or later.
    rises: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Unknown,
    /// In every line the lanes lie `stride` apart.
    Even,
    Other,
}

impl Shape {
    /// Not looked at yet.
    pub const UNKNOWN: Self = Self { kind: Kind::Unknown, stride: 0, same: false, rises: false };
    /// Nothing is known.
    pub const OTHER: Self = Self { kind: Kind::Other, stride: 0, same: false, rises: false };

    /// The shape of a lane register.
    pub fn of(lane: Lane<'_>) -> Self {
        let Some(first) = lane.first() else { return Self::OTHER };
        let first = first.get().0;
        let stride = first[1].wrapping_sub(first[0]);
        let (mut odd, mut apart, mut rises, mut end) = (0, 0, true, first[0]);
        for line in lane {
            std::hint::black_box(()); // see `math::call`: without it the compiler gathers
            let a = line.get().0;
            odd |= uneven(&a, stride);
            apart |= a[0] ^ first[0];
            rises &= a[0] >= end;
            end = a[0].saturating_add(stride.wrapping_mul(LANES as u32));
        }
        if odd == 0 { Self { kind: Kind::Even, stride, same: apart == 0, rises } } else { Self::OTHER }
    }

    /// Not looked at yet?
    #[inline(always)]
    pub fn is_unknown(self) -> bool {
        self.kind == Kind::Unknown
    }

    /// The distance between lanes of a line, if it is everywhere the same.
    #[inline(always)]
    pub fn stride(self) -> Option<u32> {
        (self.kind == Kind::Even).then_some(self.stride)
    }

    /// Each line begins where the one before it ends, or later.
    #[inline(always)]
    pub fn rises(self) -> bool {
        self.rises
    }

    /// All lines begin at the same address.
    #[inline(always)]
    pub fn same(self) -> bool {
        self.same
    }
}

/// Zero where the lanes of the line lie `stride` apart.
#[inline(always)]
pub fn uneven(a: &Words, stride: u32) -> u32 {
    let mut odd = 0;
    for j in 0..LANES {
        odd |= a[j] ^ a[0].wrapping_add(stride.wrapping_mul(j as u32));
    }
    odd
}
