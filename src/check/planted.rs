//! Whether the checks would notice: wrong constants, planted one at a time into every file of `shaders/`.
//!
//! `cargo test --release --lib planted -- --ignored --nocapture` (an hour): each number of the library is changed in the text
//! that kernels are linked from, and the cases whose kernels contain that line are judged until one fails. What none of them
//! notices must be one of [`harmless`], with its reason. `PLANTED=special_exp,l1` restricts it to the files whose path
//! contains one of the texts, `CASES=exp,sigmoid` to cases and laws whose name does.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a test that is run by hand, and says what it found"
)]

mod change;
mod harmless;
mod harmless_penalty;

use super::case::Case;
use super::cases;
use super::judge::{Caught, Posed, promises_enough};
use super::laws::{self, Law};
use crate::error::Error;
use crate::kernel::library::planted::{Plant, collect, lines, plant};
use crate::pass;
use crate::reference::{Array, compare};
use crate::run::{Device, Kernels, Options};
use change::{changes, files};
use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

/// What is tried.
enum Of<'a> {
    Case(&'a Case, usize),
    Law(&'a Law),
}

/// A declaration that kernels are made of: its name, its lines.
type Declared = (String, Vec<String>);

/// All declarations, each once.
#[derive(Default)]
struct Library {
    all: Vec<Rc<Declared>>,
    places: HashMap<Rc<Declared>, usize>,
    texts: HashMap<String, Vec<usize>>,
}

impl Library {
    /// The places of the declarations of a text.
    fn learn(&mut self, text: String) -> Vec<usize> {
        if let Some(known) = self.texts.get(&text) {
            return known.clone();
        }
        let mut found: Vec<Declared> = Vec::new();
        for (name, line) in lines(&text) {
            match found.iter_mut().find(|(n, _)| *n == name) {
                Some((_, lines)) => lines.push(line),
                None => found.push((name, vec![line])),
            }
        }
        let mut place = |declared: Declared| {
            let declared = Rc::new(declared);
            *self.places.entry(declared.clone()).or_insert_with(|| {
                self.all.push(declared);
                self.all.len() - 1
            })
        };
        let places: Vec<usize> = found.into_iter().map(&mut place).collect();
        self.texts.insert(text, places.clone());
        places
    }
}

/// One try.
struct Try<'a> {
    device: &'a Device,
    of: Of<'a>,
    /// Places in the library of what its kernels declare.
    declared: BTreeSet<usize>,
    /// What the reference has; known after the first run.
    want: Option<Vec<Arc<Array>>>,
    /// The time of a run.
    seconds: f64,
}

fn device(kernels: Kernels) -> Device {
    Device::open_blocking(Options { kernels, ..Options::default() }).expect("an adapter")
}

const FORMS: [Kernels; 2] = [Kernels::Processor, Kernels::Graphics];

impl<'a> Try<'a> {
    /// The try with the texts it is made of; nothing is computed.
    fn new(device: &'a Device, of: Of<'a>, library: &mut Library) -> Self {
        let (_, texts) = collect(|| {
            let graphs = match &of {
                Of::Case(case, variant) => {
                    Posed::new(device, case, &case.variants[*variant], 0).map(|posed| vec![posed.nodes()])
                }
                Of::Law(law) => law.graphs(device, 0),
            };
            for roots in graphs.expect("a graph") {
                drop(pass::lower(&roots, device.limits()).expect("a plan"));
            }
        });
        let declared = texts.into_iter().flat_map(|text| library.learn(text)).collect();
        Self { device, of, declared, want: None, seconds: 0.0 }
    }

    fn name(&self) -> String {
        match &self.of {
            Of::Case(case, variant) => format!("{} {}", case.name, case.variants[*variant].label()),
            Of::Law(law) => law.name.clone(),
        }
    }

    /// Whether the outcomes are those of a sound library.
    fn passes(&mut self) -> bool {
        self.device.forget_plans();
        let start = Instant::now();
        let passed = match &self.of {
            Of::Case(case, variant) => {
                let variant = &case.variants[*variant];
                let judged = async {
                    let mut posed = Posed::new(self.device, case, variant, 0)?;
                    let want = match self.want.take() {
                        Some(want) => want,
                        None => posed.want().await?,
                    };
                    let want = self.want.insert(want);
                    let got = posed.got().await?;
                    let mut verdicts = got.iter().zip(want).map(|(got, want)| compare(&got.values, want));
                    Ok::<_, Error>(verdicts.all(|v| v.passed && (variant.awkward || promises_enough(&v))))
                };
                matches!(pollster::block_on(Caught(Box::pin(judged))), Ok(Ok(true)))
            }
            Of::Law(law) => pollster::block_on(law.judge(self.device, 0)).passed,
        };
        self.seconds = start.elapsed().as_secs_f64();
        passed
    }

    /// Whether it passes without a change; asked once, and what the reference has is kept.
    fn learn(&mut self) {
        if self.seconds == 0.0 {
            assert!(self.passes(), "{} fails without a change", self.name());
        }
    }
}

/// The try that notices a change. What noticed the last ones is tried first, then what takes least time.
fn noticed(mut change: Plant, library: &Library, tries: &mut [Try<'_>], lately: &mut Vec<usize>) -> Option<usize> {
    let places = (0..library.all.len()).filter(|&place| {
        let (name, lines) = library.all[place].as_ref();
        *name == change.name && change.place(lines.iter().map(String::as_str)).is_some()
    });
    let places: BTreeSet<usize> = places.collect();
    let mut order: Vec<usize> = (0..tries.len()).filter(|&ix| !tries[ix].declared.is_disjoint(&places)).collect();
    let rank = |ix: usize| lately.iter().rev().position(|&l| l == ix).unwrap_or(usize::MAX);
    order.sort_by(|&a, &b| rank(a).cmp(&rank(b)).then(tries[a].seconds.total_cmp(&tries[b].seconds)));
    for ix in order {
        tries[ix].learn();
        let passes;
        (passes, change) = plant(change, || tries[ix].passes());
        if !passes {
            lately.retain(|&l| l != ix);
            lately.push(ix);
            return Some(ix);
        }
    }
    None
}

/// All tries on all devices, but for those that are made of what they are made of on the first device.
fn tries<'a>(devices: &'a [Device], cases: &'a [Case], laws: &'a [Law], library: &mut Library) -> Vec<Try<'a>> {
    let mut all: Vec<Try<'_>> = Vec::new();
    for (ix, device) in devices.iter().enumerate() {
        let each = cases.iter().flat_map(|case| (0..case.variants.len()).map(move |v| Of::Case(case, v)));
        let own: Vec<_> = each.chain(laws.iter().map(Of::Law)).map(|of| Try::new(device, of, library)).collect();
        let new = own.into_iter().enumerate().filter(|(at, t)| ix == 0 || t.declared != all[*at].declared);
        let new: Vec<_> = new.map(|(_, t)| t).collect();
        all.extend(new);
    }
    all
}

#[test]
#[ignore = "an hour; see the module"]
fn a_wrong_constant_in_any_shader_is_found() {
    let among = |variable: &str| {
        let parts = std::env::var(variable).unwrap_or_default();
        move |name: &str| parts.split(',').any(|part| name.contains(part))
    };
    let (is_chosen, is_tried) = (among("PLANTED"), among("CASES"));
    let mut shaders = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders"), &mut shaders);
    shaders.retain(|(file, _)| is_chosen(file));
    let (mut cases, mut laws) = (cases::all(), laws::all());
    cases.retain(|case| is_tried(&case.name));
    laws.retain(|law| is_tried(&law.name));
    let devices = FORMS.map(device);
    let mut library = Library::default();
    let mut tries = tries(&devices, &cases, &laws, &mut library);
    let mut left = Vec::new();
    for (file, text) in &shaders {
        let start = Instant::now();
        let (mut lately, mut counts) = (Vec::new(), [0, 0, 0]);
        let mut harmless = harmless::of(file);
        for change in changes(text) {
            let to = change.plant.to.clone();
            let reason = harmless.remove(&to);
            match (noticed(change.plant, &library, &mut tries, &mut lately), reason) {
                (Some(_), None) => counts[0] += 1,
                (None, Some(_)) => counts[1] += 1,
                (None, None) => {
                    counts[2] += 1;
                    println!("{file}:{}: not noticed: {to}", change.line);
                    left.push(format!("{file}: {to}"));
                }
                (Some(ix), Some(reason)) => {
                    left.push(format!("{file}: {to}: noticed by {}, although {reason}", tries[ix].name()));
                }
            }
        }
        left.extend(harmless.into_keys().map(|to| format!("{file} has no such change: {to}")));
        let [noticed, harmless, missed] = counts;
        let seconds = start.elapsed().as_secs();
        println!("{file}: {noticed} noticed, {harmless} harmless, {missed} not noticed ({seconds} s)");
    }
    let left: BTreeSet<_> = left.into_iter().collect();
    assert!(left.is_empty(), "{left:#?}");
}
