//! Convolutions: a sliding view of the input times the weights, summed. One view holds padding, stride and dilation, and the
//! gradients are views of the same kind.
//!
//! Where several output channels share the windows these are laid out as the columns of a matrix, in one pass, and the sum
//! is a matrix product with the weights; otherwise (depthwise convolutions, single channels) windows are multiplied and
//! summed as they are read, and nothing is copied. Batches are laid out in pieces of at most 128 MiB.

use super::{ok, refuse};
use crate::error::{Error, Result, Site};
use crate::graph::{AxisMap, Node, Reduce};
use crate::shape::{MAX_LEN, Shape};
use crate::tensor::Tensor;

/// Bytes of windows laid out at a time.
const COLUMNS: u64 = 128 << 20;

/// How a window of `D` spatial axes moves: `Conv { stride: [2, 2], ..Conv::default() }`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Conv<const D: usize> {
    /// Steps between windows (for a transposed convolution: between elements of the input).
    pub stride: [usize; D],
    /// Zeros on both sides of each axis (for a transposed convolution: elements cut off).
    pub padding: [usize; D],
    /// Steps between the elements of a window.
    pub dilation: [usize; D],
    /// The channels are split into so many groups that do not mix.
    pub groups: usize,
    /// Elements added at the end of each axis; for transposed convolutions only.
    pub output_padding: [usize; D],
}

impl<const D: usize> Default for Conv<D> {
    fn default() -> Self {
        Self { stride: [1; D], padding: [0; D], dilation: [1; D], groups: 1, output_padding: [0; D] }
    }
}

impl Tensor {
    /// One-dimensional convolution (cross-correlation), see [`Tensor::conv2d`].
    ///
    /// # Shapes
    /// `x: [n, c, l]`, `weight: [o, c / groups, k]`, `bias: [o]`.
    #[track_caller]
    #[must_use]
    pub fn conv1d(&self, weight: &Tensor, bias: Option<&Tensor>, options: Conv<1>) -> Tensor {
        self.convolve("conv1d", weight, bias, &options, false)
    }

    /// Two-dimensional convolution (cross-correlation, as in all learning libraries):
    /// `y[n, o, h, w] = bias[o] + sum over c, i, j of weight[o, c, i, j] x[n, c, h s + i d - p, w s + j d - p]`.
    ///
    /// # Shapes
    /// `x: [n, c, h, w]`, `weight: [o, c / groups, kh, kw]`, `bias: [o]`; each spatial axis becomes
    /// `(h + 2 padding - dilation (kh - 1) - 1) / stride + 1` long.
    ///
    /// # Errors
    /// Shapes do not fit, the groups do not divide both channel counts, the window is longer than the padded axis.
    ///
    /// ```
    /// # use ridgepoint::ops::Conv;
    /// # fn main() -> ridgepoint::Result<()> {
    /// let device = ridgepoint::Device::cpu()?;
    /// let (image, kernel) = (device.ones([1, 1, 4, 4]), device.ones([1, 1, 3, 3]));
    /// let y = image.conv2d(&kernel, None, Conv { padding: [1, 1], stride: [2, 2], ..Conv::default() });
    /// assert_eq!(y.read_blocking::<f32>()?, [4.0, 6.0, 6.0, 9.0]);
    /// # Ok(()) }
    /// ```
    #[track_caller]
    #[must_use]
    pub fn conv2d(&self, weight: &Tensor, bias: Option<&Tensor>, options: Conv<2>) -> Tensor {
        self.convolve("conv2d", weight, bias, &options, false)
    }

    /// One-dimensional transposed convolution, see [`Tensor::conv_transpose2d`].
    ///
    /// # Shapes
    /// `x: [n, c, l]`, `weight: [c, o / groups, k]`, `bias: [o]`.
    #[track_caller]
    #[must_use]
    pub fn conv_transpose1d(&self, weight: &Tensor, bias: Option<&Tensor>, options: Conv<1>) -> Tensor {
        self.convolve("conv_transpose1d", weight, bias, &options, true)
    }

    /// Two-dimensional transposed convolution: the adjoint of [`Tensor::conv2d`] with the same weight and options.
    ///
    /// # Shapes
    /// `x: [n, c, h, w]`, `weight: [c, o / groups, kh, kw]`, `bias: [o]`; each spatial axis becomes
    /// `(h - 1) stride + dilation (kh - 1) + 1 + output_padding - 2 padding` long.
    ///
    /// # Errors
    /// Shapes do not fit, the groups do not divide both channel counts, nothing of an axis is left.
    #[track_caller]
    #[must_use]
    pub fn conv_transpose2d(&self, weight: &Tensor, bias: Option<&Tensor>, options: Conv<2>) -> Tensor {
        self.convolve("conv_transpose2d", weight, bias, &options, true)
    }

    #[track_caller]
    fn convolve<const D: usize>(
        &self,
        op: &str,
        weight: &Tensor,
        bias: Option<&Tensor>,
        options: &Conv<D>,
        transposed: bool,
    ) -> Tensor {
        let site = Site::here();
        let (x, weight) = (self.float(op), weight.float(op));
        let nodes = ok!(self, Tensor::nodes(op, &[&x, &weight], site));
        let form = ok!(self, Form::new(op, nodes[0].shape(), nodes[1].shape(), options, transposed, site));
        let y = match form.pieces(self.device().limits().binding_bytes) {
            None => {
                let windows = x.then(|node| form.windows(node, options, site));
                let weights = weight.then(|node| form.weights(node, site));
                windows.mul(&weights).reduce(Reduce::Sum, &form.summed()).reshape(form.result())
            }
            Some(1) => {
                let columns = x.then(|node| form.columns(node, options, site));
                let rows = weight.then(|node| form.rows(node, site));
                rows.matmul(&columns).reshape(form.result())
            }
            Some(pieces) => {
                let parts = x.chunk(0, pieces);
                let parts: Vec<Tensor> =
                    parts.iter().map(|part| part.convolve(op, &weight, None, options, transposed)).collect();
                ok!(self, Tensor::concat(&parts.iter().collect::<Vec<_>>(), 0))
            }
        };
        match bias {
            Some(bias) if ok!(self, bias.shape()).dims() != [form.groups * form.outputs] => {
                let message =
                    format!("bias {} for {} output channels", ok!(self, bias.shape()), form.groups * form.outputs);
                refuse(self, op, message, "give one number per output channel", site)
            }
            bias => y.affine_channels(1, None, bias),
        }
    }
}

/// The sizes of a convolution, checked. The product has the axes `[n, (group), output, positions.., channel, kernel..]`;
/// the group is there only if there are several.
struct Form {
    batch: usize,
    groups: usize,
    /// Output channels of a group.
    outputs: usize,
    /// Input channels of a group.
    channels: usize,
    input: Vec<usize>,
    kernel: Vec<usize>,
    positions: Vec<usize>,
    transposed: bool,
}

/// Axes of a view of windows: the channel, the first of the kernel's, the first of the positions'.
#[derive(Clone, Copy)]
struct Places {
    channel: usize,
    tap: usize,
    position: usize,
}

impl Form {
    fn new<const D: usize>(
        op: &str,
        x: &Shape,
        weight: &Shape,
        options: &Conv<D>,
        transposed: bool,
        site: Site,
    ) -> Result<Self> {
        let refuse = |hint: &str| {
            let message = format!("x {x}, weight {weight}, {options:?}");
            Err(Error::argument(op, message, hint, site))
        };
        if x.rank() != D + 2 || weight.rank() != D + 2 {
            return refuse(&format!("x is [n, c, ..] and the weight [o, c, ..] with {D} spatial axes each"));
        }
        let groups = options.groups;
        if groups == 0 || !x[1].is_multiple_of(groups) || !weight[0].is_multiple_of(groups) {
            return refuse("the groups must divide the channels of x and the first axis of the weight");
        }
        let channels = x[1] / groups;
        let expected = if transposed { weight[0] / groups } else { weight[1] };
        if channels != expected {
            return refuse("the weight's channels must be those of x divided by the groups");
        }
        let mut positions = Vec::with_capacity(D);
        for d in 0..D {
            let Some(n) = options.positions(d, x[d + 2], weight[d + 2], transposed) else {
                return refuse(
                    "stride and dilation are 1 or more, and the window fits into the padded axis (of a transposed \
                     convolution: something is left after the padding is cut off)",
                );
            };
            positions.push(n);
        }
        Ok(Self {
            batch: x[0],
            groups,
            outputs: if transposed { weight[1] } else { weight[0] / groups },
            channels,
            input: x[2..].to_vec(),
            kernel: weight[2..].to_vec(),
            positions,
            transposed,
        })
    }

    /// The first spatial axis of the product.
    fn first(&self) -> usize {
        if self.groups > 1 { 3 } else { 2 }
    }

    /// The channel axis of the product; those of the kernel follow.
    fn channel(&self) -> usize {
        self.first() + self.input.len()
    }

    fn summed(&self) -> Vec<usize> {
        (self.channel()..=self.channel() + self.kernel.len()).collect()
    }

    fn group(&self) -> &[usize] {
        if self.groups > 1 { std::slice::from_ref(&self.groups) } else { &[] }
    }

    fn shape(&self) -> Shape {
        [&[self.batch], self.group(), &[self.outputs], &self.positions, &[self.channels], &self.kernel].concat().into()
    }

    fn result(&self) -> Shape {
        [&[self.batch, self.groups * self.outputs], &self.positions[..]].concat().into()
    }

    /// In how many pieces of the batch it is a matrix product of the weights and the windows laid out as columns; `None` if
    /// the windows are multiplied and summed as they are read: where there is too little to reuse, or one image's windows
    /// are too many to lay out.
    ///
    /// Laying out `K` numbers for each position costs `8 K` bytes, the product `2 K o` operations at a multiple of the rate
    /// that reading each operand for each operation allows.
    fn pieces(&self, binding_bytes: u64) -> Option<usize> {
        let positions: usize = self.positions.iter().product();
        let image = 4 * (self.groups * self.taps()) as u64 * positions as u64;
        let most = (binding_bytes.min(COLUMNS) / image.max(1)) as usize;
        let reused = self.outputs >= 4 && self.taps() >= 4 && positions >= 4;
        (reused && most > 0 && self.batch > 0).then(|| self.batch.div_ceil(most))
    }

    /// The windows as columns: `[n, (group), channel kernel.., positions..]`.
    fn columns<const D: usize>(&self, x: &Node, options: &Conv<D>, site: Site) -> Result<Node> {
        let channel = self.first() - 1;
        let places = Places { channel, tap: channel + 1, position: channel + 1 + D };
        let shape = [&[self.batch], self.group(), &[self.channels], &self.kernel, &self.positions].concat();
        let windows = self.under(x, options, places, shape.into(), site)?;
        let columns = [&[self.batch], self.group(), &[self.taps(), self.positions.iter().product()]].concat();
        Node::reshape(&windows, columns.into(), site)
    }

    /// The weights as rows: `[(group), output, channel kernel..]`.
    fn rows(&self, weight: &Node, site: Site) -> Result<Node> {
        let taps = self.taps() / self.channels.max(1);
        let (first, second) =
            if self.transposed { (self.channels, self.outputs) } else { (self.outputs, self.channels) };
        let grouped = Node::reshape(weight, Shape::from([self.groups, first, second, taps]), site)?;
        let (first, second) = if self.transposed { (2, 1) } else { (1, 2) };
        let axes = [0, first, second, 3].map(AxisMap::same).to_vec();
        let shape = Shape::from([self.groups, self.outputs, self.channels, taps]);
        let ordered = super::movement::view(&grouped, axes, shape, site)?;
        Node::reshape(&ordered, [self.group(), &[self.outputs, self.taps()]].concat().into(), site)
    }

    /// Products that are summed for one element.
    fn taps(&self) -> usize {
        self.channels * self.kernel.iter().product::<usize>()
    }

    /// Axes before the first spatial one: the group, if there is one, then the given one.
    fn leading(&self, place: usize) -> Vec<AxisMap> {
        let group = (self.groups > 1).then(|| AxisMap::same(1));
        group.into_iter().chain([AxisMap::same(place)]).collect()
    }

    /// The input under every window, in the shape of the product.
    fn windows<const D: usize>(&self, x: &Node, options: &Conv<D>, site: Site) -> Result<Node> {
        let places = Places { channel: self.channel(), tap: self.channel() + 1, position: self.first() };
        self.under(x, options, places, self.shape(), site)
    }

    /// The input under every window, its axes at given places of a shape.
    fn under<const D: usize>(&self, x: &Node, options: &Conv<D>, at: Places, shape: Shape, site: Site) -> Result<Node> {
        let grouped = [&[self.batch], self.group(), &[self.channels], &self.input[..]].concat();
        let x = Node::reshape(x, grouped.into(), site)?;
        let mut axes = vec![AxisMap::same(0)];
        axes.extend(self.leading(at.channel));
        for d in 0..D {
            let (position, tap) = (at.position + d, at.tap + d);
            let (stride, dilation) = (options.stride[d] as i64, options.dilation[d] as i64);
            let padding = options.padding[d] as i64;
            axes.push(if self.transposed {
                AxisMap { terms: vec![(position, 1), (tap, -dilation)], offset: padding, divisor: stride }
            } else {
                AxisMap { terms: vec![(position, stride), (tap, dilation)], offset: -padding, divisor: 1 }
            });
        }
        super::movement::view(&x, axes, shape, site)
    }

    /// The weights, repeated over batch and positions.
    fn weights(&self, weight: &Node, site: Site) -> Result<Node> {
        let (output, channel) = (self.first() - 1, self.channel());
        let (first, second) = if self.transposed {
            ((self.channels, channel), (self.outputs, output))
        } else {
            ((self.outputs, output), (self.channels, channel))
        };
        let grouped = [self.group(), &[first.0, second.0], &self.kernel].concat();
        let weight = Node::reshape(weight, grouped.into(), site)?;
        let mut axes = self.leading(first.1);
        axes.push(AxisMap::same(second.1));
        axes.extend((0..self.kernel.len()).map(|d| AxisMap::same(channel + 1 + d)));
        super::movement::view(&weight, axes, self.shape(), site)
    }
}

impl<const D: usize> Conv<D> {
    /// The length of a spatial axis of the result, if the numbers make sense.
    fn positions(&self, d: usize, len: usize, kernel: usize, transposed: bool) -> Option<usize> {
        let (stride, padding, dilation) = (self.stride[d], self.padding[d], self.dilation[d]);
        if padding > MAX_LEN || self.output_padding[d] > MAX_LEN || (!transposed && self.output_padding[d] != 0) {
            return None;
        }
        if !transposed {
            return super::movement::window_positions(len + 2 * padding, kernel, stride, dilation);
        }
        let sane = [stride, dilation, kernel].iter().all(|n| (1..=MAX_LEN).contains(n)) && len > 0;
        let span =
            sane.then(|| (len - 1).checked_mul(stride)?.checked_add(dilation.checked_mul(kernel - 1)?)).flatten()?;
        (span + 1 + self.output_padding[d]).checked_sub(2 * padding).filter(|n| (1..=MAX_LEN).contains(n))
    }
}
