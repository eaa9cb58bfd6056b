//! One step of a random graph: an operation of some family on tensors of the pool.

use super::draw::{Entry, Pool};
use crate::dtype::DType;
use crate::graph::{Fill, Scatter};
use crate::ops::Key;
use crate::shape::Shape;
use crate::tensor::Tensor;

/// Adds the result of one operation to the pool.
pub fn step(pool: &mut Pool) {
    let families: [fn(&mut Pool); 16] = [
        unary, unary, unary, binary, binary, binary, movement, movement, movement, reduction, reduction, choice, whole,
        cast, row, index,
    ];
    (*pool.random.pick(&families))(pool);
}

/// A function with its domain built in, and the bound of its result from that of its argument.
type Unary = (fn(&Tensor) -> Tensor, fn(f64) -> f64);

#[rustfmt::skip]
const UNARY: &[Unary] = &[
    (|x| x.neg(), |b| b),
    (|x| x.abs(), |b| b),
    (|x| x.square(), |b| b * b),
    (|x| x.sin(), |_| 1.0),
    (|x| x.cos(), |_| 1.0),
    (|x| x.tanh(), |_| 1.0),
    (|x| x.tanh().tan(), |_| 1.6),
    (|x| x.tanh().exp(), |_| 2.8),
    (|x| x.clamp(-4.0, 4.0).exp(), |_| 55.0),
    (|x| x.sin().exp2(), |_| 2.0),
    (|x| x.cos().expm1(), |_| 1.8),
    (|x| x.abs().add(0.3).log(), |b| b.max(2.0)),
    (|x| x.square().add(0.5).log2(), |b| b.max(2.0)),
    (|x| x.abs().log1p(), |b| b),
    (|x| x.abs().add(0.1).sqrt(), |b| b.max(1.0)),
    (|x| x.square().add(0.4).rsqrt(), |_| 1.6),
    (|x| x.square().add(0.5).recip(), |_| 2.0),
    (|x| x.cbrt(), |b| b.max(1.0)),
    (|x| x.tanh().mul(0.9).asin(), |_| 1.2),
    (|x| x.tanh().mul(0.9).acos(), |_| 3.0),
    (|x| x.atan(), |_| 1.6),
    (|x| x.sin().sinh(), |_| 1.2),
    (|x| x.tanh().cosh(), |_| 1.6),
    (|x| x.asinh(), |b| b),
    (|x| x.abs().add(1.2).acosh(), |b| b.max(2.0)),
    (|x| x.tanh().mul(0.9).atanh(), |_| 1.5),
    (|x| x.sigmoid(), |_| 1.0),
    (|x| x.softplus(), |b| b + 1.0),
    (|x| x.erf(), |_| 1.0),
    (|x| x.erfc(), |_| 2.0),
    (|x| x.floor(), |b| b + 1.0),
    (|x| x.round(), |b| b + 1.0),
    (|x| x.fract(), |_| 1.0),
    (|x| x.relu(), |b| b),
    (|x| x.gelu(), |b| b),
    (|x| x.silu(), |b| b),
    (|x| x.elu(0.7), |b| b.max(1.0)),
    (|x| x.leaky_relu(0.2), |b| b),
    (|x| x.mul(1.5).add(-0.25), |b| 1.5 * b + 1.0),
    (|x| x.detach().mul(x), |b| b * b),
    (|x| x.powi(3), |b| b * b * b),
];

fn unary(pool: &mut Pool) {
    let x = pool.float();
    let &(f, bound) = pool.random.pick(UNARY);
    pool.push(f(&x.tensor), bound(x.bound));
}

type Binary = (fn(&Tensor, &Tensor) -> Tensor, fn(f64, f64) -> f64);

#[rustfmt::skip]
const BINARY: &[Binary] = &[
    (|x, y| x.add(y), |a, b| a + b),
    (|x, y| x.sub(y), |a, b| a + b),
    (|x, y| x.mul(y), |a, b| a * b),
    (|x, y| x.div(y.square().add(0.5)), |a, _| 2.0 * a),
    (|x, y| x.minimum(y), f64::max),
    (|x, y| x.maximum(y), f64::max),
    (|x, y| x.abs().add(0.3).pow(y.tanh()), |a, _| a + 4.0),
    (|x, y| x.add(4.0).atan2(y.square().add(0.2)), |_, _| 3.2),
    (|x, y| x.copysign(y.add(0.01)), |a, _| a),
    (|x, y| x.rem(y.square().add(1.0)), |a, _| a),
    (|x, y| x.fma(y, 0.5), |a, b| a * b + 1.0),
    (|x, y| x.lerp(y, 0.3), |a, b| a + b),
    (|x, y| x.lt(y).select(x, y), f64::max),
];

fn binary(pool: &mut Pool) {
    let x = pool.float();
    let y = pool.partner(&x, DType::F32);
    let &(f, bound) = pool.random.pick(BINARY);
    pool.push(f(&x.tensor, &y.tensor), bound(x.bound, y.bound));
}

fn dims(x: &Entry) -> Shape {
    x.tensor.shape().cloned().unwrap_or_default()
}

/// A view of a tensor of any dtype.
fn movement(pool: &mut Pool) {
    let dtype = *pool.random.pick(&[DType::F32, DType::F32, DType::F32, DType::I32, DType::Bool]);
    let x = pool.any(dtype);
    let shape = dims(&x);
    let rank = shape.rank();
    let tensor = if rank == 0 {
        match pool.random.below(3) {
            0 => x.tensor.broadcast_to([3, 5]),
            1 => x.tensor.unsqueeze(0),
            _ => x.tensor.reshape([1, 1]),
        }
    } else {
        let axis = pool.random.below(rank);
        moved(pool, &x.tensor, &shape, axis)
    };
    pool.push(tensor, x.bound.max(1.0));
}

fn moved(pool: &mut Pool, x: &Tensor, shape: &Shape, axis: usize) -> Tensor {
    let (rank, n) = (shape.rank(), shape[axis]);
    let number = x.dtype().is_ok_and(|d| d != DType::Bool);
    match pool.random.below(17) {
        0 => {
            let mut order: Vec<usize> = (0..rank).collect();
            order.rotate_left(1 + axis);
            x.permute(order)
        }
        1 => x.flatten(),
        2 if shape.elements().is_multiple_of(2) => x.reshape([2, shape.elements() / 2]),
        3 => x.slice(axis, n / 3..n),
        4 => x.slice_step(axis, .., 2),
        5 => x.flip(axis),
        6 => {
            let mut padding = vec![(0, 0); rank];
            padding[axis] = (pool.random.below(3), pool.random.below(3));
            x.pad(padding, *pool.random.pick(&[Fill::Zero, Fill::One]))
        }
        7 => x.dilate(axis, 2),
        8 if n >= 3 && rank < 6 => x.window(axis, 2, 1, 1 + n % 2),
        9 if rank < 6 => x.unsqueeze(axis).broadcast_to([&shape[..axis], &[3], &shape[axis..]].concat()),
        10 => x.roll(axis, pool.random.below(5) as isize - 2),
        11 => x.repeat(axis, 2),
        12 => Tensor::concat(&[x, &x.flip(axis)], axis).unwrap_or_else(|_| x.clone()),
        13 if rank >= 2 && number => x.tril(pool.random.below(3) as isize - 1),
        14 if rank >= 2 => x.t(),
        15 if n > 0 => x.pick(axis, pool.random.below(n)),
        _ => x.move_axis(axis, rank - 1),
    }
}

/// A reduction or a scan.
fn reduction(pool: &mut Pool) {
    let x = pool.full(1);
    let shape = dims(&x);
    let axes: Vec<usize> = (0..shape.rank()).filter(|_| pool.random.chance(0.6)).collect();
    let axes = if axes.is_empty() { vec![shape.rank() - 1] } else { axes };
    let n: f64 = axes.iter().map(|&a| shape[a] as f64).product();
    let axis = axes[0];
    let (t, b) = (&x.tensor, x.bound);
    let near_one = || t.tanh().mul(0.01).add(1.0);
    let (result, bound) = match pool.random.below(17) {
        0 | 1 => (t.sum(&axes), n * b),
        2 => (t.mean(&axes), b),
        3 => (near_one().prod(&axes), (1.01f64).powf(n)),
        4 => (t.max(&axes), b),
        5 => (t.min(&axes), b),
        6 => (t.var(0, &axes), b * b),
        7 => (t.logsumexp(&axes), b + 8.0),
        8 => (t.add(0.1).norm(2.0, &axes), n.sqrt() * (b + 0.1)),
        9 => (t.argmax(&axes).cast(DType::F32), n),
        10 => (t.argmin(&axes).cast(DType::F32), n),
        11 => (t.gt(0.0).any(&axes).cast(DType::F32), 1.0),
        12 => (t.gt(-1.0).count_nonzero(&axes).cast(DType::F32), n),
        13 => (t.sum_keep(&axes), n * b),
        14 => (t.cumsum(axis), shape[axis] as f64 * b),
        15 => (near_one().cumprod(axis), (1.01f64).powf(n)),
        _ => (t.cummax(axis), b),
    };
    pool.push(result, bound);
}

/// Comparison and selection.
fn choice(pool: &mut Pool) {
    let x = pool.float();
    let y = pool.partner(&x, DType::F32);
    let comparisons: [fn(&Tensor, &Tensor) -> Tensor; 4] =
        [|a, b| a.lt(b), |a, b| a.ge(b), |a, b| a.eq(b), |a, b| a.gt(0.1).logical_or(b.is_nan())];
    let condition = pool.random.pick(&comparisons)(&x.tensor, &y.tensor);
    pool.push(condition.clone(), 1.0);
    if pool.random.chance(0.7) {
        pool.push(condition.select(&x.tensor, -0.5), x.bound.max(1.0));
    }
}

/// Integers and bits.
fn whole(pool: &mut Pool) {
    let dtype = *pool.random.pick(&[DType::I32, DType::U32]);
    let x = pool.any(dtype);
    let y = pool.partner(&x, dtype);
    let operations: [fn(&Tensor, &Tensor) -> Tensor; 12] = [
        |a, b| a.add(b),
        |a, b| a.sub(b),
        |a, b| a.mul(b),
        |a, b| a.div(b),
        |a, b| a.rem(b),
        |a, b| a.bit_xor(b),
        |a, b| a.bit_and(b).bit_or(1),
        |a, b| a.minimum(b),
        |a, b| a.shl(b.cast(DType::U32)),
        |a, b| a.shr(b.cast(DType::U32)),
        |a, b| a.ne(b).select(b, a.bit_not()),
        |a, b| a.add(b).sum(..),
    ];
    let result = pool.random.pick(&operations)(&x.tensor, &y.tensor);
    pool.push(result, f64::from(u32::MAX));
}

/// From one dtype to another, and random numbers.
fn cast(pool: &mut Pool) {
    let (result, bound) = match pool.random.below(8) {
        0 => {
            let x = pool.float();
            (x.tensor.cast(DType::F16).cast(DType::F32), x.bound)
        }
        1 => {
            let x = pool.float();
            (x.tensor.cast(DType::BF16).cast(DType::F32), x.bound * 1.01)
        }
        2 => {
            let x = pool.float();
            (x.tensor.mul(5.0).cast(DType::I32), 5.0 * x.bound)
        }
        3 => (pool.any(DType::I32).tensor.rem(17).cast(DType::F32), 17.0),
        4 => (pool.any(DType::U32).tensor.bit_and(31u32).cast(DType::F32), 31.0),
        5 => (pool.any(DType::Bool).tensor.cast(DType::F32), 1.0),
        6 => (pool.any(DType::I32).tensor.cast(DType::U32), f64::from(u32::MAX)),
        _ => {
            let shape = pool.shape();
            let device = pool.float().tensor.device().clone();
            (Key::new(u64::from(pool.random.bits())).uniform(&device, shape), 1.0)
        }
    };
    pool.push(result, bound);
}

/// Row programs and contractions.
fn row(pool: &mut Pool) {
    let x = pool.full(1);
    let shape = dims(&x);
    let last = shape.rank() - 1;
    let t = &x.tensor;
    let (result, bound) = match pool.random.below(7) {
        0 => (t.softmax(last), 1.0),
        1 => (t.log_softmax(last), 2.0 * x.bound + 8.0),
        2 => (t.layer_norm(last, None, None, 0.1), 10.0 * x.bound),
        3 => (t.rms_norm(last, None, 0.1), 4.0 * x.bound),
        4 => (t.normalize(2.0, last, 0.1), 10.0),
        _ => {
            let (k, n) = (shape[last], 1 + pool.random.below(6));
            let y = pool.leaf(&[k, n].into());
            (t.matmul(&y.tensor), k as f64 * x.bound * y.bound)
        }
    };
    pool.push(result, bound);
}

/// Elements by position, and order.
fn index(pool: &mut Pool) {
    let x = pool.full(1);
    let shape = dims(&x);
    let axis = pool.random.below(shape.rank());
    let n = shape[axis];
    let t = &x.tensor;
    let places = 1 + pool.random.below(9);
    let (result, bound) = match pool.random.below(7) {
        0 => {
            let index = pool.positions(&[places].into(), n);
            (t.index_select(axis, &index).nan_to_num(0.0, 0.0, 0.0), x.bound)
        }
        1 => {
            let mut dims = shape.to_vec();
            dims[axis] = places;
            let index = pool.positions(&dims.into(), n);
            (t.gather(axis, &index).nan_to_num(0.0, 0.0, 0.0), x.bound)
        }
        2 | 3 => {
            let mut dims = shape.to_vec();
            dims[axis] = places;
            let source = pool.leaf(&dims.into());
            let index = pool.positions(&[places].into(), n);
            let how = *pool.random.pick(&[Scatter::Add, Scatter::Max, Scatter::Min, Scatter::Replace]);
            (t.index_scatter(axis, &index, &source.tensor, how), x.bound + places as f64 * source.bound)
        }
        4 => (t.sort(axis, pool.random.chance(0.5)).0, x.bound),
        5 => (t.top_k(1 + pool.random.below(n), axis, true).0, x.bound),
        _ => {
            let index = pool.positions(&[places].into(), 5);
            (index.one_hot(5, DType::F32), 1.0)
        }
    };
    pool.push(result, bound);
}
