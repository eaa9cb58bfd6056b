//! The choices between kernels of equal results: one small set of numbers, each with the values it may have.
//!
//! Plans read them from [`Limits::tune`](super::Limits::tune). What suits a kind of executor is the default; `ridgepoint tune`
//! measures which of the others an adapter is faster with, and [`Options::tune`](crate::run::Options::tune) takes its findings.
//! Whatever the values, results keep to the same bounds.

/// One choice: what it is about, and what it may be.
pub struct Choice {
    /// The routine it belongs to.
    pub routine: &'static str,
    /// Its name.
    pub name: &'static str,
    /// What it decides.
    pub what: &'static str,
    /// Its legal values; of a switch, 0 and 1.
    pub candidates: &'static [u32],
    get: fn(&Tune) -> u32,
    set: fn(&mut Tune, u32),
}

impl Choice {
    /// Its value in a set.
    #[must_use]
    pub fn of(&self, tune: &Tune) -> u32 {
        (self.get)(tune)
    }

    /// A set with another value; `None` if that is not legal.
    #[must_use]
    pub fn with(&self, tune: &Tune, value: u32) -> Option<Tune> {
        let mut tune = *tune;
        self.candidates.contains(&value).then(|| (self.set)(&mut tune, value))?;
        Some(tune)
    }
}

/// Switches and numbers alike as numbers.
trait Value: Copy {
    fn get(self) -> u32;
    fn set(value: u32) -> Self;
}

impl Value for u32 {
    fn get(self) -> u32 {
        self
    }
    fn set(value: u32) -> u32 {
        value
    }
}

impl Value for bool {
    fn get(self) -> u32 {
        u32::from(self)
    }
    fn set(value: u32) -> bool {
        value != 0
    }
}

macro_rules! choices {
    ($($(#[doc = $what:literal])+ $routine:literal $name:ident: $ty:ty = $graphics:literal | $processor:literal | $lockstep:literal, of $candidates:expr;)*) => {
        /// See the module.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub struct Tune {
            $($(#[doc = $what])+ pub $name: $ty,)*
        }

        impl Tune {
            /// For graphics processors.
            pub const GRAPHICS: Tune = Tune { $($name: $graphics,)* };
            /// For drivers that compute on the processor.
            pub const PROCESSOR: Tune = Tune { $($name: $processor,)* };
            /// For executors that take a workgroup's lanes instruction by instruction.
            pub const LOCKSTEP: Tune = Tune { $($name: $lockstep,)* };
            /// All choices.
            pub const CHOICES: &[Choice] = &[$(Choice {
                routine: $routine,
                name: stringify!($name),
                what: concat!($($what,)+).trim_ascii(),
                candidates: &$candidates,
                get: |tune| Value::get(tune.$name),
                set: |tune, value| tune.$name = Value::set(value),
            },)*];
        }
    };
}

const SWITCH: [u32; 2] = [0, 1];
const LANES: [u32; 6] = [8, 16, 32, 64, 128, 256];

choices! {
    /// Blocks in the registers of invocations that work alone, instead of tiles that a workgroup shares.
    "matmul" matmul_blocks: bool = false | true | false, of SWITCH;
    /// Lanes of a subgroup of 8 may share the rows of their blocks.
    "matmul" matmul_shared: bool = false | true | false, of SWITCH;
    /// The greatest edge of a block (4 to 32) or tile (32 to 128).
    "matmul" matmul_edge: u32 = 128 | 128 | 128, of [4, 8, 16, 32, 64, 128];
    /// Invocations that blocks are shared out among, or workgroups that large tiles are: with fewer, k is split.
    "matmul" matmul_units: u32 = 128 | 32 | 128, of [8, 16, 32, 64, 128, 256];
    /// Attention as products of matrices with the weights between in memory, where they are few enough.
    "attention" attention_products: bool = false | true | true, of SWITCH;
    /// The workgroup of products with a vector.
    "vector" vector_lanes: u32 = 256 | 8 | 256, of LANES;
    /// The most invocations that share an output of a product with a vector.
    "vector" vector_share: u32 = 64 | 1 | 64, of [1, 2, 4, 8, 16, 32, 64];
    /// Fours of neighbouring outputs that an invocation of a product with a vector takes.
    "vector" vector_run: u32 = 1 | 4 | 2, of [1, 2, 4];
    /// Invocations that products with a vector are to have at least: with fewer, k is split.
    "vector" vector_units: u32 = 65_536 | 64 | 65_536, of [64, 512, 4096, 65_536];
    /// Workgroups share a row, instead of a row for each invocation.
    "rows" row_groups: bool = true | false | false, of SWITCH;
    /// A subgroup shares a row that several loops walk, and keeps it in registers.
    "rows" row_subgroups: bool = false | true | false, of SWITCH;
    /// The workgroup of invocations with a row each.
    "rows" row_lanes: u32 = 64 | 64 | 64, of LANES;
    /// Rows that are few enough to be walked in parts, if there are fewer.
    "rows" row_units: u32 = 512 | 64 | 1024, of [64, 256, 512, 1024, 4096];
    /// Elements of a part of a row at least.
    "rows" row_part: u32 = 8192 | 2048 | 2048, of [512, 1024, 2048, 4096, 8192, 16_384];
    /// The most parts of a single row; 0: as many as there are units.
    "rows" row_single: u32 = 0 | 1024 | 1024, of [0, 64, 256, 1024];
    /// Elements of a part of a column; 0: by the number of units.
    "columns" column_part: u32 = 0 | 128 | 256, of [0, 64, 128, 256, 512];
    /// Columns that are few enough to be walked in parts, if there are fewer.
    "columns" column_units: u32 = 16_384 | 64 | 16_384, of [64, 1024, 16_384];
    /// Vectors of neighbouring columns that an invocation takes.
    "columns" column_run: u32 = 1 | 4 | 1, of [1, 2, 4, 8];
    /// The workgroup of elementwise kernels.
    "map" map_lanes: u32 = 256 | 64 | 256, of LANES;
    /// Vectors of neighbours that an invocation of an elementwise kernel takes.
    "map" map_run: u32 = 1 | 4 | 1, of [1, 2, 4, 8];
    /// Numbers of an elementwise kernel are fetched before its loop.
    "map" map_prepared: bool = false | true | false, of SWITCH;
    /// The workgroup of scans.
    "scan" scan_lanes: u32 = 64 | 16 | 64, of LANES;
    /// The workgroup of sorts.
    "sort" sort_lanes: u32 = 64 | 64 | 64, of LANES;
    /// The workgroup of scatters.
    "scatter" scatter_lanes: u32 = 64 | 64 | 64, of LANES;
    /// The greatest workgroup of Fourier transforms.
    "fft" fft_lanes: u32 = 256 | 32 | 256, of LANES;
    /// The workgroup of algorithms that walk a row by one invocation.
    "walk" walk_lanes: u32 = 64 | 16 | 64, of LANES;
}

impl Tune {
    /// The choice of a name.
    #[must_use]
    pub fn choice(name: &str) -> Option<&'static Choice> {
        Self::CHOICES.iter().find(|c| c.name == name)
    }

    /// The choices in which two sets differ.
    pub fn differences(self, other: Tune) -> impl Iterator<Item = &'static Choice> {
        Self::CHOICES.iter().filter(move |c| c.of(&self) != c.of(&other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_candidates_and_values_come_back() {
        for tune in [Tune::GRAPHICS, Tune::PROCESSOR, Tune::LOCKSTEP] {
            for choice in Tune::CHOICES {
                assert!(choice.candidates.contains(&choice.of(&tune)), "{}", choice.name);
                assert!(choice.with(&tune, 7).is_none());
                for &value in choice.candidates {
                    let other = choice.with(&tune, value).expect("legal");
                    assert_eq!(choice.of(&other), value);
                    let differing: Vec<_> = tune.differences(other).map(|c| c.name).collect();
                    assert!(value == choice.of(&tune) || differing == [choice.name]);
                }
                assert_eq!(Tune::choice(choice.name).map(|c| c.what), Some(choice.what));
            }
        }
    }
}
