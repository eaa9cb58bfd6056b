//! Capsules: a wrong result in files, to be computed again anywhere.

use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::kernel::Kernel;
use crate::pass::{Plan, Role};
use crate::reference::Array;
use naga::{AddressSpace, ArraySize, Module, Scalar, ScalarKind, TypeInner};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The dispatches of a wrong result as a test of shaders: WGSL, overrides and uniform words, inputs bit by bit, what the
/// reference expects and within which bound, and the adapter that missed it.
///
/// Nothing is written unless [`Capsule::write`] is called. `ridgepoint shader-test FOLDER` runs what it wrote on any adapter
/// (as does [`crate::shader_test`]), and fails where the result is still wrong.
#[derive(Clone, Debug)]
pub struct Capsule {
    name: String,
    files: Vec<(String, Vec<u8>)>,
}

impl Capsule {
    /// The stem of its files: the operation, and a number that follows from what is in them.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Names and contents: one `.toml`, the shaders, and the numbers as `.npy`.
    #[must_use]
    pub fn files(&self) -> &[(String, Vec<u8>)] {
        &self.files
    }

    /// Writes the files into a folder, which is made if it is missing; the path of the `.toml`.
    ///
    /// # Errors
    /// A folder or a file that cannot be written.
    pub fn write(&self, folder: impl AsRef<Path>) -> Result<PathBuf> {
        let folder = folder.as_ref();
        let fault = |path: &Path, e: &std::io::Error| {
            Error::input(path.display().to_string(), format!("cannot be written: {e}"), "name a folder that can be")
        };
        std::fs::create_dir_all(folder).map_err(|e| fault(folder, &e))?;
        for (name, bytes) in &self.files {
            let path = folder.join(name);
            std::fs::write(&path, bytes).map_err(|e| fault(&path, &e))?;
        }
        Ok(folder.join(format!("{}.toml", self.name)))
    }
}

/// What a capsule is made of.
pub(super) struct Contents<'a> {
    pub op: &'a str,
    /// What is told at the top of the file: where it was found, and what was got.
    pub about: &'a [String],
    pub plan: &'a Plan,
    pub words: &'a [u32],
    /// The bytes of each input.
    pub inputs: &'a [Vec<u8>],
    pub want: &'a Array,
}

/// A bound variable of a kernel.
struct Variable {
    name: String,
    group: u32,
    binding: u32,
    /// Its numbers are all of one kind.
    scalar: Scalar,
    /// Bytes of an element of its array.
    stride: usize,
    /// Numbers, where their number is fixed.
    count: Option<usize>,
    used: bool,
}

fn bug(kernel: &Kernel, message: impl ToString) -> Error {
    Error::Shader { label: kernel.label.clone(), message: message.to_string() }
}

/// Scalar and number of scalars of a type of fixed size.
fn scalars(module: &Module, ty: naga::Handle<naga::Type>) -> Option<(Scalar, usize)> {
    match module.types[ty].inner {
        TypeInner::Scalar(scalar) | TypeInner::Atomic(scalar) => Some((scalar, 1)),
        TypeInner::Vector { size, scalar } => Some((scalar, size as usize)),
        TypeInner::Array { base, size: ArraySize::Constant(n), .. } => {
            scalars(module, base).map(|(scalar, count)| (scalar, count * n.get() as usize))
        }
        _ => None,
    }
}

fn variables(kernel: &Kernel) -> Result<Vec<Variable>> {
    let module = naga::front::wgsl::parse_str(&kernel.wgsl).map_err(|e| bug(kernel, e))?;
    let flags = naga::valid::ValidationFlags::all();
    let info = naga::valid::Validator::new(flags, naga::valid::Capabilities::all())
        .validate(&module)
        .map_err(|e| bug(kernel, e))?;
    let mut found = Vec::new();
    for (handle, variable) in module.global_variables.iter() {
        let (Some(place), Some(name)) = (variable.binding, &variable.name) else { continue };
        let (base, open) = match module.types[variable.ty].inner {
            TypeInner::Array { base, size: ArraySize::Dynamic, stride } => (base, Some(stride as usize)),
            _ => (variable.ty, None),
        };
        let (scalar, count) = scalars(&module, base)
            .filter(|(scalar, count)| open.is_none_or(|stride| stride == count * usize::from(scalar.width)))
            .ok_or_else(|| bug(kernel, format!("the type of {name} is none of a capsule")))?;
        found.push(Variable {
            name: name.clone(),
            group: place.group,
            binding: place.binding,
            scalar,
            stride: open.unwrap_or(count * usize::from(scalar.width)),
            count: open.is_none().then_some(count),
            used: !info.get_entry_point(0)[handle].is_empty(),
        });
        debug_assert!(matches!(variable.space, AddressSpace::Storage { .. } | AddressSpace::Uniform));
    }
    Ok(found)
}

fn buffer(plan: &Plan, slot: usize) -> String {
    match plan.slots[slot].role {
        Role::Input(ix) => format!("input{ix}"),
        Role::Output(_) => "result".to_owned(),
        Role::Board => "board".to_owned(),
        Role::Temporary => format!("between{slot}"),
    }
}

/// The letter of NumPy for a kind of number.
fn kind(scalar: Scalar) -> &'static str {
    match (scalar.kind, scalar.width) {
        (ScalarKind::Float, 2) => "<f2",
        (ScalarKind::Float, _) => "<f4",
        (ScalarKind::Sint, _) => "<i4",
        _ => "<u4",
    }
}

/// A `.npy` file of one axis.
fn npy(kind: &str, len: usize, data: &[u8]) -> Vec<u8> {
    let mut header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({len},), }}");
    // magic, version and length take 10 bytes; the data begin at a multiple of 64
    let padding = 63 - (10 + header.len()) % 64;
    header.extend(std::iter::repeat_n(' ', padding));
    header.push('\n');
    let length = (header.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\x00".as_slice(), &length, header.as_bytes(), data].concat()
}

fn doubles(values: impl ExactSizeIterator<Item = f64>) -> Vec<u8> {
    let len = values.len();
    npy("<f8", len, &values.flat_map(f64::to_le_bytes).collect::<Vec<_>>())
}

/// What each element may differ by from the number nearest to what is expected: the reference's bound, and what is lost in
/// rounding the expectation itself.
fn bounds(want: &Array) -> Vec<f64> {
    let bound = |ball: crate::reference::Ball| {
        if ball.is_unknown() {
            return f64::INFINITY;
        }
        let rounded = match want.dtype {
            DType::F16 => crate::dtype::to_f16(ball.value).to_f64(),
            DType::F32 | DType::BF16 => f64::from(ball.value as f32),
            DType::I32 | DType::U32 | DType::Bool => return ball.error,
        };
        let lost = (rounded - ball.value).abs();
        ball.flushed().error + if lost.is_finite() { lost } else { 0.0 }
    };
    want.balls().map(bound).collect()
}

/// The text of the test while it is made.
struct Draft<'a> {
    of: &'a Contents<'a>,
    passes: String,
    buffers: String,
    known: Vec<String>,
    files: Vec<(String, Vec<u8>)>,
}

impl Draft<'_> {
    fn add(&mut self, name: &str, ending: &str, bytes: Vec<u8>) -> String {
        let file = format!("{name}.{ending}");
        self.files.push((file.clone(), bytes));
        file
    }

    /// The pass of a step.
    fn pass(&mut self, ix: usize, shader: &str) -> Result<()> {
        let step = &self.of.plan.steps[ix];
        let mut bind = Vec::new();
        for variable in variables(&step.kernel)?.into_iter().filter(|v| v.used) {
            let name = match variable.group {
                0 => buffer(self.of.plan, step.slots[variable.binding as usize]),
                _ => format!("words{ix}"),
            };
            bind.push(format!("{} = \"{name}\"", variable.name));
            if !self.known.contains(&name) {
                self.buffer(ix, &variable, &name);
                self.known.push(name);
            }
        }
        let overrides: Vec<_> = step.kernel.overrides.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        let [x, y, z] = step.groups;
        // writing to a string cannot fail
        let _ = writeln!(
            self.passes,
            "  {{ shader = \"{shader}\", entry = \"main\", dispatch = [{x}, {y}, {z}], overrides = {{ {} }}, bind = {{ {} }} }}, # {}",
            overrides.join(", "),
            bind.join(", "),
            step.kernel.label,
        );
        Ok(())
    }

    fn buffer(&mut self, ix: usize, variable: &Variable, name: &str) {
        let step = &self.of.plan.steps[ix];
        let slot = (variable.group == 0).then(|| step.slots[variable.binding as usize]);
        let source = match slot.map(|slot| (slot, self.of.plan.slots[slot].role)) {
            None => {
                let own = &self.of.words[step.first_word..step.first_word + step.n_words];
                let words = own.iter().copied().chain(std::iter::repeat(0)).take(variable.count.unwrap_or(own.len()));
                format!("{:?}", words.collect::<Vec<u32>>())
            }
            Some((_, Role::Input(input))) => {
                let bytes = &self.of.inputs[input];
                let whole = &bytes[..bytes.len() / variable.stride * variable.stride];
                let len = whole.len() / usize::from(variable.scalar.width);
                let file = self.add(name, "npy", npy(kind(variable.scalar), len, whole));
                format!("{{ npy = \"{file}\" }}")
            }
            Some((slot, role)) => {
                let elements = self.of.plan.slots[slot].bytes as usize / variable.stride;
                match role {
                    Role::Board => format!("{{ fill = {{ value = 0, count = {elements} }} }}"),
                    _ => format!("{{ output = {elements} }}"),
                }
            }
        };
        // as above
        let _ = writeln!(self.buffers, "buffers.{name} = {source}");
    }
}

/// The capsule of a plan with one root.
pub(super) fn capsule(of: &Contents<'_>) -> Result<Capsule> {
    let mut draft = Draft { of, passes: String::new(), buffers: String::new(), known: Vec::new(), files: Vec::new() };
    let mut shaders: Vec<&str> = Vec::new();
    for (ix, step) in of.plan.steps.iter().enumerate() {
        let known = shaders.iter().position(|wgsl| *wgsl == step.kernel.wgsl);
        let at = known.unwrap_or_else(|| {
            shaders.push(&step.kernel.wgsl);
            let text = step.kernel.wgsl.clone().into_bytes();
            draft.files.push((format!("{}.wgsl", shaders.len() - 1), text));
            shaders.len() - 1
        });
        draft.pass(ix, &format!("NAME.{at}.wgsl"))?;
    }
    let dtype = match of.want.dtype {
        DType::Bool => DType::U32,
        dtype => dtype,
    };
    draft.add("expected", "npy", doubles(of.want.values.iter().copied()));
    draft.add("bound", "npy", doubles(bounds(of.want).into_iter()));
    let mut text: String =
        of.about.iter().flat_map(|l| l.lines()).fold(String::new(), |text, l| text + "# " + l + "\n");
    // as above
    let _ = write!(
        text,
        "shader = \"NAME.0.wgsl\"\npasses = [\n{}]\n{}expect.result = {{ npy = \"expected.npy\", within = \"bound.npy\", as = \"{dtype}\", first = {} }}\n",
        draft.passes,
        draft.buffers,
        of.want.len(),
    );
    draft.files.push(("toml".into(), text.into_bytes()));
    Ok(named(of.op, draft.files))
}

/// The files under names that begin with that of the capsule.
fn named(op: &str, files: Vec<(String, Vec<u8>)>) -> Capsule {
    // FNV-1a: capsules of different contents may lie in one folder
    let bytes = files.iter().flat_map(|(_, bytes)| bytes);
    let hash = bytes.fold(0xCBF2_9CE4_8422_2325u64, |h, &b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01B3));
    let plain: String = op.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let name = format!("{}-{:08x}", plain.trim_matches('-'), hash >> 32);
    let full = |(file, bytes): (String, Vec<u8>)| {
        let is_text = file == "toml";
        let bytes = if is_text {
            let text = String::from_utf8_lossy(&bytes).replace("NAME.", &format!("{name}."));
            text.replace("npy = \"", &format!("npy = \"{name}."))
                .replace("within = \"", &format!("within = \"{name}."))
                .into_bytes()
        } else {
            bytes
        };
        (format!("{name}.{file}"), bytes)
    };
    let files = files.into_iter().map(full).collect();
    Capsule { name, files }
}
