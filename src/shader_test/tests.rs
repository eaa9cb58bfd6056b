//! What tests say, where they are wrong, and how it is told.

use super::compare::compare;
use super::layout::{Layout, Value};
use super::spec::{Expect, Number, parse};
use super::{Case, Outcome, Settings, Target, load, npy};
use crate::run::Adapter;
use naga::Scalar;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder that goes away.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static N: AtomicU32 = AtomicU32::new(0);
        let n = N.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("ridgepoint-shader-test-{}-{n}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn put(&self, name: &str, text: impl AsRef<[u8]>) -> &Self {
        fs::write(self.0.join(name), text).unwrap();
        self
    }

    fn cases(&self) -> Vec<Case> {
        load(&self.0).unwrap_or_else(|e| panic!("{e}"))
    }

    /// How its one test ends.
    fn run(&self) -> Outcome {
        let target = Target::open(Adapter::Cpu).unwrap();
        let cases = self.cases();
        assert_eq!(cases.len(), 1);
        cases[0].run(&target, Settings::default()).outcome
    }

    fn fails(&self, with: &str) {
        match self.run() {
            Outcome::Failed(message) => assert!(message.contains(with), "expected {with:?} in: {message}"),
            other => panic!("{other:?}"),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // a folder that stays in the temporary folder does no harm
        let _ = fs::remove_dir_all(&self.0);
    }
}

const DOUBLE: &str = "
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if id.x < arrayLength(&y) { y[id.x] = x[id.x] * 2.0; }
}";

fn double(toml: &str) -> Folder {
    let folder = Folder::new();
    folder.put("double.wgsl", DOUBLE).put("double.toml", toml);
    folder
}

#[test]
fn a_test_passes_or_says_what_is_wrong() {
    let passes = |toml: &str| assert_eq!(double(toml).run(), Outcome::Passed, "{toml}");
    passes("buffers.x = [1, 2, 3]\nbuffers.y = { output = 3 }\nexpect.y = [2, 4, 6]\n");
    passes("buffers.x = [1, 2, 3]\nbuffers.y = { output = 3 }\nexpect.y = { data = [6, 2, 4], unordered = true }\n");
    passes("buffers.x = [1, 2]\nbuffers.y = { output = 2 }\nexpect.y = { one_of = [2, 4, 8] }\n");
    passes("buffers.x = [nan, inf]\nbuffers.y = { output = 2 }\nexpect.y = [nan, inf]\n");
    let same = "buffers.x = [1, 2]\nbuffers.y = { output = 2 }\nexpect.y = { same_as = { shader = 'double.wgsl' } }\n";
    passes(same);
    let wrong = double("buffers.x = [1, 2, 3]\nbuffers.y = { output = 3 }\nexpect.y = [2, 4, 7]\n");
    wrong.fails("`y`: 1 of 3 numbers are not as expected\n  [2] is 6.0, expected 7.0");
    double("buffers.x = [1, 2]\nbuffers.y = { output = 2 }\nexpect.y = { one_of = [2, 3] }")
        .fails("expected one of 2.0, 3.0");
    // what is not written stays as it was, which no one expects
    double("dispatch = 0\nbuffers.x = [1]\nbuffers.y = { output = 1 }\nexpect.y = [2]").fails("is NaN, expected 2.0");
}

#[test]
fn tests_that_make_no_sense_say_why() {
    let some = "buffers.x = [1]\nbuffers.y = { output = 1 }\n";
    double(some).fails("the test expects nothing");
    double("buffers.x = [1]\nexpect.y = [2]").fails("`buffers.y`: the test gives no data for it");
    double(&format!("{some}buffers.z = [1]\nexpect.y = [2]")).fails("`buffers.z`: the shader has no such variable");
    double(&format!("{some}expect.z = [2]")).fails("the shader writes no such variable; it writes y");
    double(&format!("{some}entry = 'other'\nexpect.y = [2]")).fails("no entry point `other`; there are main");
    double("buffers.x = { output = 1 }\nbuffers.y = { output = 1 }\nexpect.y = [2]").fails("only reads it");
    double("buffers.x = { npy = 'no.npy' }\nbuffers.y = { output = 1 }\nexpect.y = [2]").fails("no.npy");
    double(&format!("{some}expect.y = {{ snapshot = 'no.txt' }}")).fails("`--bless` writes it");
    double(&format!("{some}expect.y = [2]\nerror = 'x'")).fails("there is none");
    double(&format!("{some}expect.y = [2]\nfindings = [{{ kind = 'race' }}]"))
        .fails("should report race; it reports nothing");
    double(&format!("{some}lint = ['limit']\nexpect.y = [2]")).fails("the lint should find limit");
    let folder = Folder::new();
    folder.put("a.toml", "buffers.x = [1]\n\nexcept.y = [1]\n");
    let error = load(&folder.0).unwrap_err().to_string();
    assert!(error.contains("a.toml") && error.contains("line 3") && error.contains("except"), "{error}");
    folder.put("a.toml", "buffers.x = ['one']\n");
    assert!(load(&folder.0).is_err());
    assert!(load(Folder::new().0.as_path()).unwrap_err().to_string().contains("no shader test is here"));
}

#[test]
fn shaders_may_be_refused_and_adapters_skipped() {
    let folder = Folder::new();
    folder.put("bad.wgsl", "fn main() { let x: u32 = 1.0; }").put("bad.toml", "error = 'expected to be `u32`'");
    assert_eq!(folder.run(), Outcome::Passed);
    let skipped = double("buffers.x = [1]\nskip.CPU = 'too slow there'\n");
    assert_eq!(skipped.run(), Outcome::Skipped("too slow there".into()));
}

#[test]
fn snapshots_are_written_and_compared() {
    let toml = "buffers.x = [1, 2.5]\nbuffers.y = { output = 2 }\nexpect.y = { snapshot = 'y.txt' }\n";
    let folder = double(toml);
    let target = Target::open(Adapter::Cpu).unwrap();
    let report = folder.cases()[0].run(&target, Settings { bless: true });
    assert_eq!((report.outcome, report.name.as_str()), (Outcome::Passed, "double"));
    assert_eq!(fs::read_to_string(folder.0.join("y.txt")).unwrap(), "2.0\n5.0\n");
    assert_eq!(folder.run(), Outcome::Passed);
    folder.put("y.txt", "2.0\n6.0\n").fails("[1] is 5.0, expected 6.0");
    folder.put("y.txt", "2.0\n").fails("has 2 numbers, 1 are expected");
}

#[test]
fn a_report_tells_how_to_repeat_it() {
    let folder = double("[[test]]\nname = 'two words'\nbuffers.x = [1]\nbuffers.y = { output = 1 }\nexpect.y = [3]\n");
    let target = Target::open(Adapter::Cpu).unwrap();
    let report = folder.cases()[0].run(&target, Settings::default());
    assert_eq!(report.to_string(), "test double::two words (cpu) ... FAILED");
    assert!(report.repeat().ends_with("double.toml --test 'double::two words' --adapter cpu"), "{}", report.repeat());
}

#[test]
fn what_tests_of_a_file_share() {
    let text = "dispatch = 3\noverrides = { a = 1, b = 2 }\nbuffers.x = [1]\n
        [[test]]\nname = 'one'\n[[test]]\nname = 'two'\ndispatch = [4, 5]\noverrides = { b = 3 }\n";
    let (shader, tests) = parse(text, Path::new("t.toml")).unwrap();
    assert_eq!((shader, tests.len()), (None, 2));
    let (one, two) = (&tests[0].passes[0], &tests[1].passes[0]);
    assert_eq!((one.dispatch, two.dispatch), ([3, 1, 1], [4, 5, 1]));
    assert_eq!((one.overrides["b"], two.overrides["b"], two.overrides["a"]), (2.0, 3.0, 1.0));
    assert!(tests[1].buffers.contains_key("x"));
}

#[test]
fn numbers_go_where_the_type_has_them() {
    let module = naga::front::wgsl::parse_str(
        "struct S { a: f32, v: vec3f, m: mat2x2f, rest: array<vec3<u32>> }
         @group(0) @binding(0) var<storage> s: S;",
    )
    .unwrap();
    let ty = module.global_variables.iter().next().unwrap().1.ty;
    let layout = Layout::of(&module, ty).unwrap();
    assert!(layout.is_open());
    assert_eq!((layout.numbers(2), layout.elements(14)), (14, Ok(2)));
    assert!(layout.elements(13).is_err());
    // 16: v, 32: m, 48: rest with a stride of 16
    let mut bytes = vec![0; layout.bytes(2)];
    assert_eq!(bytes.len(), 80);
    let numbers: Vec<Number> = (1..=14).map(Number::Int).collect();
    layout.encode(&numbers, &mut bytes).unwrap();
    assert_eq!(bytes[16..20], 2f32.to_le_bytes());
    assert_eq!(bytes[40..44], 7f32.to_le_bytes());
    assert_eq!(bytes[64..68], 12u32.to_le_bytes());
    let back: Vec<f64> = layout.decode(2, &bytes).iter().map(|value| value.float()).collect();
    assert_eq!(back, (1..=14).map(f64::from).collect::<Vec<_>>());
    let negative = vec![Number::Int(-1); 14];
    assert!(layout.encode(&negative, &mut bytes).unwrap_err().contains("-1 is not a value of u32"));
}

#[test]
fn values_are_compared_within_what_is_allowed() {
    let value = |x: f64| Value::of(Number::Float(x), Scalar::F32).unwrap();
    let next = |x: f32, n: u32| Value { bits: u64::from(x.to_bits() + n), scalar: Scalar::F32 };
    assert_eq!(value(0.0).ulps(value(-0.0)), 0.0);
    assert_eq!(next(1.0, 3).ulps(value(1.0)), 3.0);
    let tiny = Value { bits: 0x8000_0001, scalar: Scalar::F32 };
    assert_eq!(tiny.ulps(next(0.0, 1)), 2.0);
    let check = |got, want, expect: &Expect| compare("x", &[got], &[want], expect, None).is_ok();
    let exact = Expect::default();
    assert!(check(value(0.0), value(-0.0), &exact) && check(value(f64::NAN), value(f64::NAN), &exact));
    assert!(!check(next(1.0, 1), value(1.0), &exact));
    let ulp = Expect { ulp: Some(2.0), ..Expect::default() };
    assert!(check(next(1.0, 2), value(1.0), &ulp) && !check(next(1.0, 3), value(1.0), &ulp));
    assert!(!check(value(f64::INFINITY), value(f64::from(f32::MAX)), &ulp));
    let near = Expect { abs: Some(0.5), rel: Some(0.1), ..Expect::default() };
    assert!(check(value(11.4), value(10.0), &near) && !check(value(11.6), value(10.0), &near));
    let int = |n| Value::of(Number::Int(n), Scalar::I32).unwrap();
    assert_eq!((int(-1).int(), int(0xffff_ffff).int()), (-1, -1));
    assert!(!check(int(10), int(11), &exact) && check(int(10), int(11), &near));
}

#[test]
fn numpy_files_are_read() {
    let file = |kind: &str, data: &[u8]| {
        let header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': (2,), }}\n");
        [b"\x93NUMPY\x01\x00".as_slice(), &(header.len() as u16).to_le_bytes(), header.as_bytes(), data].concat()
    };
    let floats = [1.5f32.to_le_bytes(), (-2f32).to_le_bytes()].concat();
    assert_eq!(npy::read(&file("<f4", &floats)), Ok(vec![Number::Float(1.5), Number::Float(-2.0)]));
    assert_eq!(npy::read(&file("<i8", &(-3i64).to_le_bytes())), Ok(vec![Number::Int(-3)]));
    assert_eq!(npy::read(&file("|u1", &[7, 255])), Ok(vec![Number::Int(7), Number::Int(255)]));
    assert!(npy::read(&file(">f4", &floats)).is_err() && npy::read(b"PK").is_err());
    let folder = double("buffers.x = { npy = 'x.npy' }\nbuffers.y = { output = 2 }\nexpect.y = [3, -4]\n");
    folder.put("x.npy", file("<f4", &floats));
    assert_eq!(folder.run(), Outcome::Passed);
}

#[test]
fn passes_share_buffers_and_may_swap_them() {
    let toml = "passes = [{}, { bind = { x = 'y', y = 'x' } }, { bind = { y = 'z' } }]\n
        buffers = { x = [1, 2], y = { output = 2 }, z = { output = 2 } }\n
        expect = { x = [4, 8], y = [2, 4], z = [8, 16] }\n";
    let folder = Folder::new();
    let read_write = DOUBLE.replace("<storage, read>", "<storage, read_write>");
    folder.put("double.wgsl", read_write).put("double.toml", toml);
    assert_eq!(folder.run(), Outcome::Passed);
}
