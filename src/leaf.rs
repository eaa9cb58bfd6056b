//! Where tensors begin and end: from host data, numbers and buffers to tensors, and from tensors to results.
//!
//! Starting points ([`Device::tensor`], [`Device::import`]; numbers in `ops/create.rs`) make leaves of the graph. End points
//! compute: [`Tensor::eval`] and [`Tensor::read`] submit, [`Device::encode`] records into an encoder of the caller.

use crate::dtype::{DType, Element};
use crate::error::{Error, Result, Site};
use crate::graph::Node;
use crate::run::{Device, Reading, Recording, Slice, Timing};
use crate::shape::Shape;
use crate::tensor::Tensor;
use std::future::Future;

impl Device {
    /// A tensor of host data, row-major.
    ///
    /// # Errors
    /// The tensor carries an error if the number of elements is not that of the shape, or the device cannot hold them.
    #[track_caller]
    #[must_use]
    pub fn tensor<T: Element>(&self, data: &[T], shape: impl Into<Shape>) -> Tensor {
        let site = Site::here();
        let shape = shape.into();
        let build = || {
            if data.len() != shape.elements() {
                return Err(Error::argument(
                    "tensor",
                    format!("{} elements for shape {shape}", data.len()),
                    format!("shape {shape} takes {}", shape.elements()),
                    site,
                ));
            }
            let what = || format!("{}{shape} uploaded at {site}", T::DTYPE);
            Node::data(self.upload(&T::to_bytes(data), what)?, shape.clone(), T::DTYPE, site)
        };
        Tensor::new(self, build())
    }

    /// Elements in a buffer of the caller, row-major from byte `offset`, without a copy. What the buffer holds when the
    /// work is executed counts. The engine never writes to it.
    ///
    /// # Errors
    /// The buffer must be of this device, have usage `STORAGE` and room for the elements (rounded up to whole words), and
    /// `offset` must be a multiple of the device's storage alignment.
    #[track_caller]
    pub fn import(
        &self,
        buffer: &crate::wgpu::Buffer,
        offset: u64,
        shape: impl Into<Shape>,
        dtype: DType,
    ) -> Result<Tensor> {
        let site = Site::here();
        let shape = shape.into();
        let data = self.wrap(buffer, offset, &shape, dtype, site)?;
        Tensor::new(self, Node::data(data, shape, dtype, site)).check()
    }

    /// Computes several tensors in one submission.
    #[track_caller]
    pub fn eval(&self, tensors: &[&Tensor]) -> Result<()> {
        self.realise(&self.gather("eval", tensors, Site::here())?)
    }

    /// Records what computes the tensors into the caller's encoder: nothing is submitted, polled or mapped.
    ///
    /// The results' buffers ([`Tensor::buffer`]) can be used by passes recorded after it. Submit the encoder, then call
    /// [`Recording::submitted`]; from then on the tensors can be read.
    ///
    /// # Errors
    /// Nothing has been recorded where this gives an error.
    #[track_caller]
    pub fn encode(&self, tensors: &[&Tensor], encoder: &mut crate::wgpu::CommandEncoder) -> Result<Recording> {
        self.record(&self.gather("encode", tensors, Site::here())?, encoder)
    }

    /// Computes the tensors and gives the time of each dispatch, on the device where it has timestamps. Tensors that have
    /// been computed before take no time.
    #[track_caller]
    pub fn profile(&self, tensors: &[&Tensor]) -> impl Future<Output = Result<Vec<Timing>>> + use<> {
        let nodes = self.gather("profile", tensors, Site::here());
        let device = self.clone();
        async move { device.profile_nodes(&nodes?).await }
    }

    /// How the device would compute tensors: dispatches, buffers, and the WGSL of every kernel
    /// (`plan.steps[i].kernel.wgsl`). Nothing runs. The plan prints as text.
    ///
    /// # Errors
    /// What a tensor carries; a limit that the graph exceeds.
    #[track_caller]
    pub fn plan(&self, tensors: &[&Tensor]) -> Result<crate::pass::Plan> {
        let nodes = self.gather("plan", tensors, Site::here())?;
        crate::pass::lower(&nodes, self.limits())
    }

    /// [`Device::profile`], blocking.
    #[cfg(not(target_arch = "wasm32"))]
    #[track_caller]
    pub fn profile_blocking(&self, tensors: &[&Tensor]) -> Result<Vec<Timing>> {
        pollster::block_on(self.profile(tensors))
    }

    /// Reads several tensors of one dtype back with one submission.
    #[cfg(not(target_arch = "wasm32"))]
    #[track_caller]
    pub fn read_blocking<T: Element>(&self, tensors: &[&Tensor]) -> Result<Vec<Vec<T>>> {
        let site = Site::here();
        let nodes = self.gather("read", tensors, site)?;
        nodes.iter().try_for_each(|node| holds::<T>(node, site))?;
        let readings = self.start_reading(&nodes)?;
        nodes.iter().zip(readings).map(|(node, r)| Ok(T::from_bytes(&r.wait()?, node.elements()))).collect()
    }

    /// Reads several tensors of one dtype back with one submission.
    #[track_caller]
    pub fn read<T: Element>(&self, tensors: &[&Tensor]) -> impl Future<Output = Result<Vec<Vec<T>>>> + use<T> {
        let site = Site::here();
        let start = || {
            let nodes = self.gather("read", tensors, site)?;
            nodes.iter().try_for_each(|node| holds::<T>(node, site))?;
            let readings = self.start_reading(&nodes)?;
            Ok(nodes.iter().map(Node::elements).zip(readings).collect::<Vec<_>>())
        };
        let started = start();
        async move {
            let mut values = Vec::new();
            for (elements, reading) in started? {
                values.push(T::from_bytes(&reading.await?, elements));
            }
            Ok(values)
        }
    }

    /// The nodes of tensors of this device.
    fn gather(&self, op: &str, tensors: &[&Tensor], site: Site) -> Result<Vec<Node>> {
        if let Some(odd) = tensors.iter().find(|t| !t.device().same(self)) {
            return Err(Error::argument(
                op,
                format!("a tensor of device {}, asked of device {}", odd.device().name(), self.name()),
                "ask the tensor's own device",
                site,
            ));
        }
        Tensor::nodes(op, tensors, site)
    }
}

/// An error unless the node's elements are `T`s.
fn holds<T: Element>(node: &Node, site: Site) -> Result<()> {
    if node.dtype() == T::DTYPE {
        return Ok(());
    }
    Err(Error::argument(
        "read",
        format!("the tensor holds {}, asked for {}", node.dtype(), T::DTYPE),
        "cast first, or read the tensor's own dtype",
        site,
    ))
}

impl Tensor {
    /// Computes the tensor, unless that was done before; later work starts from the result.
    #[track_caller]
    pub fn eval(&self) -> Result<()> {
        self.device().eval(&[self])
    }

    /// The computed elements as a leaf: the same storage without the history.
    ///
    /// A computed tensor keeps what it was computed from, because it may still be differentiated. State that goes from
    /// step to step (weights, moments) must be cut off from it, or the whole past stays in memory:
    ///
    /// ```no_run
    /// # fn step(weights: ridgepoint::Tensor) -> ridgepoint::Result<ridgepoint::Tensor> {
    /// let next = weights * 0.99;
    /// next.eval()?;
    /// let weights = next.leaf()?;
    /// # Ok(weights) }
    /// ```
    ///
    /// # Errors
    /// If the tensor was neither evaluated nor recorded yet.
    #[track_caller]
    pub fn leaf(&self) -> Result<Tensor> {
        let (site, node) = (Site::here(), self.node()?);
        let Some(data) = node.value() else {
            let hint = "call `eval` or `Device::encode` first";
            return Err(Error::argument("leaf", format!("{node:?} has not been computed"), hint, site));
        };
        Tensor::new(self.device(), Node::data(data.clone(), node.shape().clone(), node.dtype(), site)).check()
    }

    /// The elements, row-major. The work is submitted at once; the future is for the way back.
    ///
    /// On an adopted device this is the explicit request to submit, and natively to poll.
    ///
    /// # Errors
    /// The error the tensor carries; a `T` that is not its dtype; whatever computing it met.
    #[track_caller]
    pub fn read<T: Element>(&self) -> impl Future<Output = Result<Vec<T>>> + use<T> {
        let started = self.start::<T>(Site::here());
        async move {
            let (elements, reading) = started?;
            Ok(T::from_bytes(&reading.await?, elements))
        }
    }

    /// [`Tensor::read`], blocking.
    #[cfg(not(target_arch = "wasm32"))]
    #[track_caller]
    pub fn read_blocking<T: Element>(&self) -> Result<Vec<T>> {
        let (elements, reading) = self.start::<T>(Site::here())?;
        Ok(T::from_bytes(&reading.wait()?, elements))
    }

    /// The bytes of the elements as the buffer holds them.
    #[track_caller]
    pub fn read_bytes(&self) -> impl Future<Output = Result<Vec<u8>>> + use<> {
        let started = self.begin();
        async move { started?.await }
    }

    /// [`Tensor::read_bytes`], blocking.
    #[cfg(not(target_arch = "wasm32"))]
    #[track_caller]
    pub fn read_bytes_blocking(&self) -> Result<Vec<u8>> {
        self.begin()?.wait()
    }

    /// The only element.
    ///
    /// # Errors
    /// As [`Tensor::read`]; and if there is not exactly one element.
    #[track_caller]
    pub fn item<T: Element>(&self) -> impl Future<Output = Result<T>> + use<T> {
        let site = Site::here();
        let started = self.single(site).and_then(|()| self.start::<T>(site));
        async move {
            let (elements, reading) = started?;
            Ok(T::from_bytes(&reading.await?, elements)[0])
        }
    }

    /// [`Tensor::item`], blocking.
    #[cfg(not(target_arch = "wasm32"))]
    #[track_caller]
    pub fn item_blocking<T: Element>(&self) -> Result<T> {
        let site = Site::here();
        self.single(site)?;
        let (elements, reading) = self.start::<T>(site)?;
        Ok(T::from_bytes(&reading.wait()?, elements)[0])
    }

    /// The buffer that holds the elements, for a program's own passes; without a copy.
    ///
    /// # Errors
    /// If the tensor was neither evaluated nor recorded yet.
    #[track_caller]
    pub fn buffer(&self) -> Result<Slice> {
        self.device().expose(self.node()?)
    }

    fn begin(&self) -> Result<Reading> {
        let node = self.node()?;
        let mut readings = self.device().start_reading(std::slice::from_ref(node))?;
        Ok(readings.pop().expect("bug: one reading per node"))
    }

    fn start<T: Element>(&self, site: Site) -> Result<(usize, Reading)> {
        let node = self.node()?;
        holds::<T>(node, site)?;
        Ok((node.elements(), self.begin()?))
    }

    fn single(&self, site: Site) -> Result<()> {
        let shape = self.shape()?;
        if shape.elements() == 1 {
            return Ok(());
        }
        let message = format!("shape {shape} has {} elements", shape.elements());
        Err(Error::argument("item", message, "reduce it to one element, or use `read`", site))
    }
}
