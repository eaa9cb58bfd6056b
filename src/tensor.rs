//! A tensor: a node of the lazy graph, or the error that building it met, and the device it belongs to.
//!
//! Nothing runs until `read`, `eval` or `encode`. Shapes are checked at once; a failed operation gives a tensor that
//! carries the error, with the line of the caller's program, through all that is built on it. So arithmetic is written
//! without `?`, and the first fault is reported where the result is asked for ([`Tensor::check`] asks earlier).

use crate::dtype::DType;
use crate::error::{Error, Result, Site};
use crate::graph::Node;
use crate::run::Device;
use crate::shape::Shape;

/// See the module. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Tensor {
    device: Device,
    node: Result<Node, Box<Error>>,
}

impl Tensor {
    /// Wraps a node, or the error that was met while building it.
    pub(crate) fn new(device: &Device, node: Result<Node>) -> Self {
        Self { device: device.clone(), node: node.map_err(Box::new) }
    }

    /// The node, or the error this tensor carries.
    pub(crate) fn node(&self) -> Result<&Node> {
        self.node.as_ref().map_err(|e| (**e).clone())
    }

    /// A tensor of the same device built from this one's node; an error is passed on.
    pub(crate) fn then(&self, build: impl FnOnce(&Node) -> Result<Node>) -> Tensor {
        Tensor::new(&self.device, self.node().and_then(build))
    }

    /// The nodes of several tensors, which must share a device.
    pub(crate) fn nodes(op: &str, tensors: &[&Tensor], site: Site) -> Result<Vec<Node>> {
        let nodes = tensors.iter().map(|t| t.node().cloned()).collect::<Result<Vec<_>>>()?;
        if let Some(odd) = tensors.iter().find(|t| !t.device.same(&tensors[0].device)) {
            return Err(Error::argument(
                op,
                format!("tensors of two devices: {} and {}", tensors[0].device.name(), odd.device.name()),
                "read one and upload it to the other's device",
                site,
            ));
        }
        Ok(nodes)
    }

    /// The device this tensor belongs to.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The shape, or the error this tensor carries.
    pub fn shape(&self) -> Result<&Shape> {
        self.node().map(Node::shape)
    }

    /// The dtype, or the error this tensor carries.
    pub fn dtype(&self) -> Result<DType> {
        self.node().map(Node::dtype)
    }

    /// Itself, or the error it carries: asks at once what `read` would ask later.
    pub fn check(self) -> Result<Tensor> {
        match self.node {
            Ok(_) => Ok(self),
            Err(error) => Err(*error),
        }
    }
}
