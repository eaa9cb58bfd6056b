//! Captured programs: a step of a loop, built once as tensors and replayed with new inputs. A replay builds no graph, looks
//! nothing up and makes nothing: it writes what has changed, records a pass and submits it, or records into an encoder of
//! the caller.
//!
//! ```
//! # fn main() -> ridgepoint::Result<()> {
//! # let device = ridgepoint::Device::cpu()?;
//! let x = device.tensor(&[1.0f32, 2.0, 3.0, 4.0], [2, 2]);
//! let y = device.tensor(&[1.0f32, -1.0], [2]);
//! let w = device.tensor(&[0.0f32, 0.0], [2]);
//! let rate = device.scalar(0.1);
//! let loss = (x.matmul(&w) - &y).square().mean_all();
//! let next = &w - loss.grad(&[&w])?[0].clone() * &rate;
//!
//! let mut step = device
//!     .capture()
//!     .input("x", &x)
//!     .input("y", &y)
//!     .input("rate", &rate)
//!     .output("loss", &loss)
//!     .state("w", &w, &next)
//!     .build()?;
//! for turn in 0..100 {
//!     step.set("rate", 0.1 / f64::from(turn + 10))?;
//!     step.write("y", &[1.0f32, -1.0])?; // the next batch
//!     step.run()?;
//! }
//! assert!(step.read_blocking::<f32>("loss")?[0] < 1.0);
//! let weights: Vec<f32> = step.read_blocking("w")?;
//! # assert_eq!(weights.len(), 2);
//! # Ok(()) }
//! ```

use crate::dtype::{DType, Element};
use crate::error::{Error, Result, Site};
use crate::graph::Node;
use crate::run::{Device, Port, Replay, Slice};
use crate::shape::Shape;
use crate::tensor::Tensor;
use std::future::Future;
use std::pin::Pin;

/// What is to be captured; see the module.
#[derive(Debug)]
#[must_use = "call `build`"]
pub struct Capture {
    device: Device,
    inputs: Vec<(String, Tensor, Option<usize>)>,
    outputs: Vec<(String, Tensor)>,
    threads: usize,
    site: Site,
}

/// A captured step; see the module.
#[derive(Debug)]
pub struct Program {
    replay: Replay,
    inputs: Vec<Named>,
    outputs: Vec<Named>,
}

/// What a name stands for.
#[derive(Debug)]
struct Named {
    name: String,
    shape: Shape,
    dtype: DType,
}

/// An input or an output of a [`Program`]: by its name, or by its place among those of its kind. States count as both.
#[derive(Clone, Copy, Debug)]
pub enum Which<'a> {
    /// By name.
    Name(&'a str),
    /// By place.
    At(usize),
}

impl<'a> From<&'a str> for Which<'a> {
    fn from(name: &'a str) -> Self {
        Which::Name(name)
    }
}

impl From<usize> for Which<'_> {
    fn from(at: usize) -> Self {
        Which::At(at)
    }
}

impl Device {
    /// Starts capturing a program; see [`crate::capture`].
    #[track_caller]
    pub fn capture(&self) -> Capture {
        Capture { device: self.clone(), inputs: Vec::new(), outputs: Vec::new(), threads: 1, site: Site::here() }
    }

    /// Makes what computing the tensors will need: the plan, and the pipelines on up to `threads` threads (the calling one
    /// among them; in a browser there are no others). Nothing is submitted or polled. A graph of the same structure then
    /// starts at once, whatever its numbers and the contents of its leaves.
    ///
    /// # Errors
    /// What a tensor carries; a kernel that does not compile.
    #[track_caller]
    pub fn prewarm(&self, tensors: &[&Tensor], threads: usize) -> Result<()> {
        self.warm(&nodes(self, "prewarm", tensors, Site::here())?, threads)
    }
}

/// The nodes of tensors of a device.
fn nodes(device: &Device, op: &str, tensors: &[&Tensor], site: Site) -> Result<Vec<Node>> {
    let nodes = Tensor::nodes(op, tensors, site)?;
    match tensors.iter().find(|t| !t.device().same(device)) {
        Some(odd) => {
            let message = format!("a tensor of device {}, asked of device {}", odd.device().name(), device.name());
            Err(Error::argument(op, message, "ask the tensor's own device", site))
        }
        None => Ok(nodes),
    }
}

impl Capture {
    /// An input: a leaf with data (until the first [`Program::write`] or [`Program::bind`] it has the tensor's elements), or
    /// a number made by [`Device::scalar`] or [`Device::full`] (see [`Program::set`]).
    pub fn input(mut self, name: &str, tensor: &Tensor) -> Self {
        self.inputs.push((name.to_owned(), tensor.clone(), None));
        self
    }

    /// An output.
    pub fn output(mut self, name: &str, tensor: &Tensor) -> Self {
        self.outputs.push((name.to_owned(), tensor.clone()));
        self
    }

    /// State: what `next` is after one replay `now` is in the following one. It is input and output at once. It starts with
    /// the elements of `now`, whose buffer stays as it is.
    pub fn state(mut self, name: &str, now: &Tensor, next: &Tensor) -> Self {
        self.inputs.push((name.to_owned(), now.clone(), Some(self.outputs.len())));
        self.outputs.push((name.to_owned(), next.clone()));
        self
    }

    /// Pipelines are made on up to so many threads; without it, on the calling one.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// The program: its plan, pipelines and buffers are made. Nothing is submitted or polled.
    ///
    /// # Errors
    /// Names given twice, inputs that no output depends on, state whose shape or dtype changes; what the tensors carry; what
    /// planning meets.
    pub fn build(self) -> Result<Program> {
        self.check_names()?;
        let all: Vec<&Tensor> = self.outputs.iter().map(|o| &o.1).chain(self.inputs.iter().map(|i| &i.1)).collect();
        let mut roots = nodes(&self.device, "capture", &all, self.site)?;
        let leaves = roots.split_off(self.outputs.len());
        let named =
            |name: &String, node: &Node| Named { name: name.clone(), shape: node.shape().clone(), dtype: node.dtype() };
        let outputs: Vec<Named> = self.outputs.iter().zip(&roots).map(|(o, node)| named(&o.0, node)).collect();
        let inputs: Vec<Named> = self.inputs.iter().zip(&leaves).map(|(i, node)| named(&i.0, node)).collect();
        for (input, (_, _, fed)) in inputs.iter().zip(&self.inputs) {
            let Some(to) = fed.map(|root| &outputs[root]) else { continue };
            if to.shape != input.shape || to.dtype != input.dtype {
                let (name, dtype, shape) = (&input.name, input.dtype, &input.shape);
                let message = format!("the state `{name}` is {dtype}{shape} before and {}{} after", to.dtype, to.shape);
                return Err(self.refuse(message, "a replay must leave state in the form in which it found it"));
            }
        }
        let ports: Vec<Port> = self
            .inputs
            .iter()
            .zip(leaves)
            .map(|((name, _, fed), node)| Port { name: name.clone(), node, fed: *fed })
            .collect();
        let replay = Replay::new(&self.device, &roots, &ports, self.threads)?;
        Ok(Program { replay, inputs, outputs })
    }

    fn refuse(&self, message: String, hint: &str) -> Error {
        Error::argument("capture", message, hint, self.site)
    }

    fn check_names(&self) -> Result<()> {
        if self.outputs.is_empty() {
            return Err(
                self.refuse("there is no output".into(), "name what is to be computed with `output` or `state`")
            );
        }
        let inputs = self.inputs.iter().map(|i| &i.0).collect::<Vec<_>>();
        let outputs = self.outputs.iter().map(|o| &o.0).collect::<Vec<_>>();
        for names in [inputs, outputs] {
            if let Some((_, name)) = names.iter().enumerate().find(|(ix, name)| names[..*ix].contains(name)) {
                return Err(self.refuse(format!("two are called `{name}`"), "give each a name of its own"));
            }
        }
        Ok(())
    }
}

/// The place of one among some.
fn find(op: &str, all: &[Named], which: Which<'_>) -> Result<usize> {
    let found = match which {
        Which::Name(name) => all.iter().position(|n| n.name == name),
        Which::At(at) => (at < all.len()).then_some(at),
    };
    found.ok_or_else(|| {
        let names = all.iter().map(|n| n.name.as_str()).collect::<Vec<_>>().join(", ");
        let asked = match which {
            Which::Name(name) => format!("`{name}`"),
            Which::At(at) => format!("number {at}"),
        };
        Error::argument(op, format!("the program has no {asked}"), format!("there are: {names}"), Site::here())
    })
}

impl Program {
    /// Writes the elements of an input or a state, row-major. Neither submits nor polls: they ride with the next submission.
    ///
    /// # Errors
    /// No such input; another number of elements or another dtype; an unsubmitted recording.
    #[track_caller]
    pub fn write<'a, T: Element>(&mut self, input: impl Into<Which<'a>>, data: &[T]) -> Result<()> {
        let ix = find("write", &self.inputs, input.into())?;
        let Named { name, shape, dtype } = &self.inputs[ix];
        if data.len() != shape.elements() || T::DTYPE != *dtype {
            let message = format!("{} elements of {} for `{name}`, {dtype}{shape}", data.len(), T::DTYPE);
            return Err(Error::argument("write", message, "give what was captured", Site::here()));
        }
        self.replay.write(ix, &T::to_bytes(data))
    }

    /// Has an input read the elements of a tensor, without a copy, from the next replay on.
    ///
    /// # Errors
    /// No such input, or a state; a tensor of another shape or dtype, or one that was not computed.
    #[track_caller]
    pub fn bind<'a>(&mut self, input: impl Into<Which<'a>>, tensor: &Tensor) -> Result<()> {
        let ix = find("bind", &self.inputs, input.into())?;
        let (Named { name, shape, dtype }, node) = (&self.inputs[ix], tensor.node()?);
        if node.shape() != shape || node.dtype() != *dtype {
            let message = format!("{node:?} for `{name}`, {dtype}{shape}");
            return Err(Error::argument("bind", message, "give what was captured", Site::here()));
        }
        self.replay.bind(ix, node)
    }

    /// Sets a number from the next replay on.
    ///
    /// # Errors
    /// No such input, or one that is data.
    #[track_caller]
    pub fn set<'a>(&mut self, input: impl Into<Which<'a>>, value: f64) -> Result<()> {
        let ix = find("set", &self.inputs, input.into())?;
        self.replay.set(ix, value)
    }

    /// One replay: one submission. On an adopted device this is the explicit request to submit.
    ///
    /// # Errors
    /// What the device meets; a replay that was recorded and not declared submitted. After a submission that failed the
    /// program gives that error for ever: capture it again.
    #[track_caller]
    pub fn run(&mut self) -> Result<()> {
        self.replay.run()
    }

    /// Records one replay into the caller's encoder: nothing is submitted, polled or mapped. It takes what the inputs hold
    /// when the encoder is submitted; until [`Program::submitted`] they can be neither written nor set anew, and no result
    /// can be read. Several replays may go into one encoder.
    ///
    /// # Errors
    /// As [`Program::run`].
    #[track_caller]
    pub fn encode(&mut self, encoder: &mut crate::wgpu::CommandEncoder) -> Result<()> {
        self.replay.encode(encoder)
    }

    /// Tells that the encoders with replays have been submitted.
    pub fn submitted(&mut self) {
        self.replay.submitted();
    }

    /// The elements of an output or a state after the last replay. Submits the copy; on an adopted device this is the
    /// explicit request to do so, and natively to poll.
    ///
    /// # Errors
    /// No such output, or a `T` that is not its dtype; no replay so far, or one that is not submitted.
    #[track_caller]
    pub fn read<'a, T: Element>(&self, output: impl Into<Which<'a>>) -> Pin<Box<dyn Future<Output = Result<Vec<T>>>>> {
        let started = self.start::<T>(output.into());
        Box::pin(async move {
            let (elements, reading) = started?;
            Ok(T::from_bytes(&reading.await?, elements))
        })
    }

    /// [`Program::read`], blocking.
    #[cfg(not(target_arch = "wasm32"))]
    #[track_caller]
    pub fn read_blocking<'a, T: Element>(&self, output: impl Into<Which<'a>>) -> Result<Vec<T>> {
        let (elements, reading) = self.start::<T>(output.into())?;
        Ok(T::from_bytes(&reading.wait()?, elements))
    }

    #[track_caller]
    fn start<T: Element>(&self, output: Which<'_>) -> Result<(usize, crate::run::Reading)> {
        let ix = find("read", &self.outputs, output)?;
        let Named { name, shape, dtype } = &self.outputs[ix];
        if T::DTYPE != *dtype {
            let message = format!("`{name}` holds {dtype}, asked for {}", T::DTYPE);
            return Err(Error::argument("read", message, "read its own dtype", Site::here()));
        }
        let elements = shape.elements();
        Ok((elements, self.replay.read(ix, elements as u64 * dtype.bytes())?))
    }

    /// The buffer that holds an output after the last replay (before the first: where it will be), for passes of the
    /// program's own. Every replay overwrites it; a state's two replays later, as it alternates between two buffers.
    ///
    /// # Errors
    /// No such output.
    #[track_caller]
    pub fn buffer<'a>(&self, output: impl Into<Which<'a>>) -> Result<Slice> {
        Ok(self.replay.expose(find("buffer", &self.outputs, output.into())?))
    }

    /// The names of the inputs, states among them.
    pub fn inputs(&self) -> impl Iterator<Item = &str> {
        self.inputs.iter().map(|n| n.name.as_str())
    }

    /// The names of the outputs, states among them.
    pub fn outputs(&self) -> impl Iterator<Item = &str> {
        self.outputs.iter().map(|n| n.name.as_str())
    }

    /// How many replays there were.
    #[must_use]
    pub fn turns(&self) -> u64 {
        self.replay.turns()
    }
}
