//! The TOML of a test.

use crate::error::{Error, Result};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A number as TOML has it, or as text where TOML has none for it (`"0xffff_ffff_ffff_ffff"`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Int(i128),
    Float(f64),
}

impl Number {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let plain = text.trim().replace('_', "");
        let whole = match plain.strip_prefix("0x") {
            Some(digits) => i128::from_str_radix(digits, 16).ok(),
            None => plain.parse().ok(),
        };
        whole.map(Self::Int).or_else(|| plain.parse().ok().map(Self::Float))
    }

    pub(super) fn float(self) -> f64 {
        match self {
            Self::Int(n) => n as f64,
            Self::Float(x) => x,
        }
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        use serde::de::Error as _;
        let value = toml::Value::deserialize(deserializer)?;
        match &value {
            toml::Value::Integer(n) => Ok(Self::Int(i128::from(*n))),
            toml::Value::Float(x) => Ok(Self::Float(*x)),
            toml::Value::Boolean(b) => Ok(Self::Int(i128::from(*b))),
            toml::Value::String(text) => {
                Self::parse(text).ok_or_else(|| D::Error::custom(format!("{text:?} is not a number")))
            }
            other => Err(D::Error::custom(format!("a number is expected here, not {}", other.type_str()))),
        }
    }
}

/// One or several.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMany<T> {
    Many(Vec<T>),
    One(T),
}

impl<T> OneOrMany<T> {
    fn into_vec(self) -> Vec<T> {
        match self {
            Self::Many(all) => all,
            Self::One(one) => vec![one],
        }
    }
}

/// Where numbers come from.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Source {
    /// The numbers.
    data: Option<OneOrMany<Number>>,
    /// `start`, `start + step`, …
    pub(super) range: Option<Range>,
    /// Uniform between two bounds.
    pub(super) random: Option<Random>,
    /// One number everywhere.
    pub(super) fill: Option<Fill>,
    /// A NumPy file.
    pub(super) npy: Option<PathBuf>,
    /// Nothing yet: so many elements to be written.
    pub(super) output: Option<usize>,
    /// The buffer of another binding.
    pub(super) alias: Option<String>,
}

impl Source {
    pub(super) fn data(&self) -> Option<Vec<Number>> {
        self.data.clone().map(OneOrMany::into_vec)
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Range {
    #[serde(default = "zero")]
    pub(super) start: Number,
    #[serde(default = "one")]
    pub(super) step: Number,
    pub(super) count: Option<usize>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Random {
    #[serde(default)]
    pub(super) seed: u64,
    #[serde(default = "zero")]
    pub(super) min: Number,
    #[serde(default = "one")]
    pub(super) max: Number,
    pub(super) count: Option<usize>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fill {
    pub(super) value: Number,
    pub(super) count: Option<usize>,
}

fn zero() -> Number {
    Number::Int(0)
}

fn one() -> Number {
    Number::Int(1)
}

/// What a binding holds: numbers alone, or a source.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Given<T> {
    Numbers(OneOrMany<Number>),
    Table(T),
}

/// Another shader whose result is the expectation.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Other {
    pub(super) shader: Option<PathBuf>,
    pub(super) entry: Option<String>,
    dispatch: Option<OneOrMany<u32>>,
    pub(super) overrides: Option<BTreeMap<String, f64>>,
    /// The binding's name there, where it differs.
    pub(super) buffer: Option<String>,
}

impl Other {
    /// Its dispatch; what it does not say is as in the test that it is compared with.
    pub(super) fn pass(&self, test: &Test) -> Pass {
        let own = test.passes.first();
        Pass {
            shader: None,
            entry: self.entry.clone(),
            dispatch: match &self.dispatch {
                Some(dispatch) => three(&dispatch.clone().into_vec()),
                None => own.map_or([1; 3], |pass| pass.dispatch),
            },
            overrides: self.overrides.clone().or_else(|| own.map(|pass| pass.overrides.clone())).unwrap_or_default(),
            bind: BTreeMap::new(),
        }
    }
}

/// One of several dispatches.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenPass {
    shader: Option<PathBuf>,
    entry: Option<String>,
    dispatch: Option<OneOrMany<u32>>,
    #[serde(default)]
    overrides: BTreeMap<String, f64>,
    /// Variables, and the buffers that are bound to them instead of those of their names.
    #[serde(default)]
    bind: BTreeMap<String, String>,
}

/// A dispatch.
#[derive(Clone, Debug)]
pub(super) struct Pass {
    /// Another shader than that of the test.
    pub(super) shader: Option<PathBuf>,
    pub(super) entry: Option<String>,
    pub(super) dispatch: [u32; 3],
    pub(super) overrides: BTreeMap<String, f64>,
    pub(super) bind: BTreeMap<String, String>,
}

/// What a binding must hold in the end.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expect {
    pub(super) data: Option<OneOrMany<Number>>,
    pub(super) range: Option<Range>,
    pub(super) random: Option<Random>,
    pub(super) fill: Option<Fill>,
    pub(super) npy: Option<PathBuf>,
    /// A text file that `--bless` writes.
    pub(super) snapshot: Option<PathBuf>,
    pub(super) same_as: Option<Other>,
    /// Every number must be one of these.
    pub(super) one_of: Option<Vec<Number>>,
    /// Units in the last place.
    pub(super) ulp: Option<f64>,
    pub(super) abs: Option<f64>,
    /// Relative to what is expected.
    pub(super) rel: Option<f64>,
    /// A NumPy file: what each number may differ by, infinite where it may be anything.
    pub(super) within: Option<PathBuf>,
    /// What the words of the buffer are taken for: f32, f16, bf16, i32 or u32.
    #[serde(rename = "as")]
    pub(super) view: Option<String>,
    /// The order does not matter.
    #[serde(default)]
    pub(super) unordered: bool,
    /// Only the first so many numbers.
    pub(super) first: Option<usize>,
}

impl Expect {
    pub(super) fn source(&self) -> Source {
        let Self { data, range, random, fill, npy, .. } = self.clone();
        Source { data, range, random, fill, npy, ..Source::default() }
    }
}

/// A report that the sanitizer must make.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Finding {
    /// Its kind, as the sanitizer names it.
    pub(super) kind: String,
    /// The line of the shader.
    pub(super) line: Option<u32>,
    /// The variable it is about.
    pub(super) variable: Option<String>,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.kind)?;
        if let Some(variable) = &self.variable {
            write!(f, " of `{variable}`")?;
        }
        self.line.map_or(Ok(()), |line| write!(f, " in line {line}"))
    }
}

/// A test, or what all tests of a file share.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    name: Option<String>,
    shader: Option<PathBuf>,
    entry: Option<String>,
    dispatch: Option<OneOrMany<u32>>,
    #[serde(default)]
    overrides: BTreeMap<String, f64>,
    /// Several dispatches, where there are.
    passes: Option<Vec<GivenPass>>,
    #[serde(default)]
    buffers: BTreeMap<String, Given<Source>>,
    #[serde(default)]
    expect: BTreeMap<String, Given<Expect>>,
    /// Reports that the sanitizer must make; without it: none.
    findings: Option<Vec<Finding>>,
    /// Rules of the portability lint that must find something; without it the lint does not run.
    lint: Option<Vec<String>>,
    /// Text of the error with which the shader must be refused.
    error: Option<String>,
    /// Parts of adapters' names, and why the test does not run there.
    #[serde(default)]
    skip: BTreeMap<String, String>,
    #[serde(default)]
    test: Vec<Table>,
}

/// A test, with what it shares with others of its file.
#[derive(Clone, Debug)]
pub(super) struct Test {
    pub(super) name: Option<String>,
    pub(super) passes: Vec<Pass>,
    pub(super) buffers: BTreeMap<String, Source>,
    pub(super) expect: BTreeMap<String, Expect>,
    pub(super) findings: Vec<Finding>,
    pub(super) lint: Option<Vec<String>>,
    pub(super) error: Option<String>,
    skip: BTreeMap<String, String>,
}

impl Test {
    /// Why it does not run on an adapter.
    pub(super) fn skipped_on(&self, adapter: &str) -> Option<&str> {
        if !self.findings.is_empty() && adapter != "cpu" {
            return Some("what it expects is found by the sanitizer of the CPU device");
        }
        let adapter = adapter.to_lowercase();
        self.skip.iter().find(|(name, _)| adapter.contains(&name.to_lowercase())).map(|(_, why)| why.as_str())
    }
}

fn three(sizes: &[u32]) -> [u32; 3] {
    [0, 1, 2].map(|ix| sizes.get(ix).copied().unwrap_or(1))
}

/// The shader's path, if the file names one, and the tests.
pub(super) fn parse(text: &str, file: &Path) -> Result<(Option<PathBuf>, Vec<Test>)> {
    let fault =
        |message: String| Error::input(file.display().to_string(), message, "see `ridgepoint shader-test --help`");
    let mut common: Table = toml::from_str(text).map_err(|e| fault(e.to_string().trim_end().replace('\n', "\n  ")))?;
    let own = std::mem::take(&mut common.test);
    let shader = common.shader.clone();
    let tables = if own.is_empty() { vec![Table::default()] } else { own };
    let mut tests = Vec::new();
    for table in tables {
        if !table.test.is_empty() || table.shader.is_some() {
            return Err(fault("a [[test]] cannot have tests or a shader of its own".into()));
        }
        tests.push(merge(&common, table).map_err(&fault)?);
    }
    Ok((shader, tests))
}

fn merge(common: &Table, own: Table) -> std::result::Result<Test, String> {
    fn all<T: Clone>(common: &BTreeMap<String, T>, own: BTreeMap<String, T>) -> BTreeMap<String, T> {
        let mut all = common.clone();
        all.extend(own);
        all
    }
    let (entry, dispatch) =
        (own.entry.or_else(|| common.entry.clone()), own.dispatch.or_else(|| common.dispatch.clone()));
    let overrides = all(&common.overrides, own.overrides);
    let passes = own.passes.or_else(|| common.passes.clone()).unwrap_or_else(|| vec![GivenPass::default()]);
    let passes = passes.into_iter().map(|pass| {
        let dispatch = pass.dispatch.or_else(|| dispatch.clone()).map_or(vec![1], OneOrMany::into_vec);
        if dispatch.is_empty() || dispatch.len() > 3 {
            return Err("`dispatch` is one to three numbers of workgroups".to_owned());
        }
        Ok(Pass {
            shader: pass.shader,
            entry: pass.entry.or_else(|| entry.clone()),
            dispatch: three(&dispatch),
            overrides: all(&overrides, pass.overrides),
            bind: pass.bind,
        })
    });
    let passes = passes.collect::<std::result::Result<Vec<_>, _>>()?;
    let source = |given| match given {
        Given::Numbers(data) => Source { data: Some(data), ..Source::default() },
        Given::Table(source) => source,
    };
    let expect = |given| match given {
        Given::Numbers(data) => Expect { data: Some(data), ..Expect::default() },
        Given::Table(expect) => expect,
    };
    Ok(Test {
        name: own.name.or_else(|| common.name.clone()),
        passes,
        buffers: all(&common.buffers, own.buffers).into_iter().map(|(name, given)| (name, source(given))).collect(),
        expect: all(&common.expect, own.expect).into_iter().map(|(name, given)| (name, expect(given))).collect(),
        findings: own.findings.or_else(|| common.findings.clone()).unwrap_or_default(),
        lint: own.lint.or_else(|| common.lint.clone()),
        error: own.error.or_else(|| common.error.clone()),
        skip: all(&common.skip, own.skip),
    })
}
