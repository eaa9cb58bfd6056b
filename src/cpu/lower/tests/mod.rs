//! Everything that naga accepts must become a tape that is well formed.
mod coverage;
mod run;

use super::{super::machine::Isa, *};
use run::{Oracle, Words};

const CHECKS: Checks = Checks { index: true, divisor: true, finite: true, written: true };

/// Parses, validates and lowers; with and without the passes that make it fast.
fn tapes(wgsl: &str, entry: Option<&str>, checks: Checks, subgroup: u32) -> [Tape; 2] {
    let module = naga::front::wgsl::parse_str(wgsl).unwrap_or_else(|e| panic!("{}", e.emit_to_string(wgsl)));
    let info = naga::valid::Validator::new(naga::valid::ValidationFlags::all(), naga::valid::Capabilities::all())
        .validate(&module)
        .unwrap_or_else(|e| panic!("{}", e.emit_to_string(wgsl)));
    let (module, info) = naga::back::pipeline_constants::process_overrides(
        &module,
        &info,
        None,
        &naga::back::PipelineConstants::default(),
    )
    .map(|(m, i)| (m.into_owned(), i.into_owned()))
    .expect("overrides have defaults");
    let entry = entry.unwrap_or(&module.entry_points[0].name);
    [true, false].map(|fast| {
        let config = Config { subgroup, checks, zero_workgroup: true };
        let tape = lower_with(&module, &info, entry, &config, fast).expect("lowers");
        if let Err(e) = verify(&tape) {
            panic!("{e}\n{tape}");
        }
        tape
    })
}

/// Reproducible words of all sizes.
fn noise(n: usize) -> Words {
    let mut x = 0x9e37_79b9_u32;
    let next = || {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        if x.is_multiple_of(3) { x >> 20 } else { x }
    };
    std::iter::repeat_with(next).take(n).collect()
}

/// The same words on the machine, with every instruction set, as on a driver.
fn agrees(name: &str, wgsl: &str, groups: [u32; 3]) {
    agrees_in(name, wgsl, groups, 32);
}
fn agrees_in(name: &str, wgsl: &str, groups: [u32; 3], subgroup: u32) {
    let buffers = vec![vec![0; 512], noise(512)];
    let [fast, plain] = tapes(wgsl, None, Checks::default(), subgroup);
    let got = run::machine(&fast, Isa::best(), &buffers, groups);
    assert_ne!(got, buffers[0], "{name}: nothing is written");
    let same = |other: &Words, what: &str, tape: &Tape| {
        if let Some(i) = (0..got.len()).find(|i| got[*i] != other[*i]) {
            panic!("{name}: word {i} is {:#x}, {what} has {:#x}\n{tape}", got[i], other[i]);
        }
    };
    same(&run::machine(&fast, Isa::Portable, &buffers, groups), "the portable instruction set", &fast);
    same(&run::machine(&plain, Isa::best(), &buffers, groups), "the plain tape", &fast);
    if let Some(want) = Oracle::get().and_then(|o| o.run(wgsl, &buffers, groups)) {
        same(&want, "the driver", &fast);
    }
    tapes(wgsl, None, CHECKS, subgroup);
}

macro_rules! agree {
    ($($name:ident $groups:expr;)*) => {
        $(#[test]
        fn $name() {
            agrees(stringify!($name), include_str!(concat!("wgsl/", stringify!($name), ".wgsl")), $groups);
        })*
    };
}
agree! {
    ragged [4, 1, 1];
    small_branches [4, 1, 1];
    pointers [4, 1, 1];
    workgroup [4, 1, 1];
    numbers [4, 1, 1];
    matrices [4, 1, 1];
    memory [1, 1, 1];
    wide [1, 1, 1];
    half [4, 1, 1];
}

#[test]
fn subgroup() {
    // the driver's subgroups have eight lanes
    agrees_in("subgroup", include_str!("wgsl/subgroup.wgsl"), [4, 1, 1], 8);
}

#[test]
fn element_pointers() {
    let buffers = vec![vec![0; 512], noise(512)];
    let of = |wgsl| run::machine(&tapes(wgsl, None, Checks::default(), 32)[0], Isa::best(), &buffers, [4, 1, 1]);
    let (got, want) =
        (of(include_str!("wgsl/element_pointers.wgsl")), of(include_str!("wgsl/element_pointers_oracle.wgsl")));
    assert_eq!(got, want);
    agrees("element_pointers_oracle", include_str!("wgsl/element_pointers_oracle.wgsl"), [4, 1, 1]);
}
