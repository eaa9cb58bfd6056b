//! The tensors that a random graph has so far, and what may be drawn from them.

use crate::check::input::{Domain, Ground, Random};
use crate::dtype::DType;
use crate::error::Result;
use crate::shape::Shape;
use crate::tensor::Tensor;

/// One tensor and a bound on its magnitude.
#[derive(Clone)]
pub struct Entry {
    pub tensor: Tensor,
    pub bound: f64,
}

/// The greatest number of elements a step may make.
const LARGEST: usize = 3_000;
/// Beyond this magnitude floats are squashed.
const WILD: f64 = 300.0;

/// See the module.
pub struct Pool<'a> {
    ground: &'a mut Ground,
    pub random: Random,
    entries: Vec<Entry>,
    /// Float leaves, which gradients are asked for.
    leaves: Vec<Tensor>,
}

impl<'a> Pool<'a> {
    /// A few leaves of several dtypes.
    pub fn new(ground: &'a mut Ground, random: Random) -> Self {
        let mut pool = Self { ground, random, entries: Vec::new(), leaves: Vec::new() };
        for _ in 0..1 + pool.random.below(3) {
            let shape = pool.shape();
            pool.leaf(&shape);
        }
        pool
    }

    /// A random shape: up to four axes, short ones mostly, now and then one beyond a workgroup, seldom an empty one.
    pub fn shape(&mut self) -> Shape {
        const LENGTHS: [usize; 8] = [1, 2, 3, 4, 5, 7, 8, 13];
        let rank = *self.random.pick(&[0, 1, 1, 2, 2, 2, 3, 3, 4]);
        let mut dims: Vec<usize> = (0..rank).map(|_| *self.random.pick(&LENGTHS)).collect();
        if rank > 0 && self.random.chance(0.06) {
            let axis = self.random.below(rank);
            dims[axis] = *self.random.pick(&[255, 257, 300]);
        }
        if rank > 0 && self.random.chance(0.02) {
            dims[0] = 0;
        }
        while Shape::from(&dims).elements() > LARGEST {
            dims.pop();
        }
        dims.into()
    }

    /// A float leaf, narrow now and then; it joins the pool widened.
    pub fn leaf(&mut self, shape: &Shape) -> Entry {
        const WIDE: Domain = Domain::Real(DType::F32, &[(-3.0, 3.0)]);
        const HALF: Domain = Domain::Real(DType::F16, &[(-3.0, 3.0)]);
        const BRAIN: Domain = Domain::Real(DType::BF16, &[(-3.0, 3.0)]);
        let domain = *self.random.pick(&[WIDE, WIDE, WIDE, WIDE, HALF, BRAIN]);
        let leaf = self.ground.draw(&mut self.random, domain, shape);
        self.leaves.push(leaf.clone());
        let tensor = if domain == WIDE { leaf } else { leaf.cast(DType::F32) };
        self.push(tensor, 3.0)
    }

    /// A leaf of whole numbers or booleans.
    pub fn whole(&mut self, shape: &Shape, dtype: DType) -> Tensor {
        let domain = match dtype {
            DType::Bool => Domain::Bool,
            DType::I32 => Domain::Int(dtype, -100, 100),
            _unsigned => Domain::Int(dtype, 0, 200),
        };
        self.ground.draw(&mut self.random, domain, shape)
    }

    /// Takes a tensor into the pool, squashed if it may be wild; one that is too large is left out. Gives what was taken.
    pub fn push(&mut self, tensor: Tensor, bound: f64) -> Entry {
        let float = tensor.dtype().is_ok_and(|d| d == DType::F32);
        let entry = if float && bound > WILD {
            Entry { tensor: tensor.div(bound).mul(20.0).tanh().mul(3.0), bound: 3.0 }
        } else {
            Entry { tensor, bound }
        };
        let fits = entry.tensor.shape().map_or(true, |s| s.elements() <= LARGEST);
        if fits {
            self.entries.push(entry.clone());
        }
        entry
    }

    /// A tensor of `dtype`, the recent ones more often; if there is none, a leaf.
    pub fn any(&mut self, dtype: DType) -> Entry {
        let found: Vec<usize> =
            (0..self.entries.len()).filter(|&i| self.entries[i].tensor.dtype().is_ok_and(|d| d == dtype)).collect();
        if found.is_empty() {
            let shape = self.entries.last().and_then(|e| e.tensor.shape().ok().cloned()).unwrap_or_default();
            if dtype == DType::F32 {
                return self.leaf(&shape);
            }
            let tensor = self.whole(&shape, dtype);
            return self.push(tensor, 200.0);
        }
        let recent = self.random.below(found.len()).max(self.random.below(found.len()));
        self.entries[found[recent]].clone()
    }

    /// A float.
    pub fn float(&mut self) -> Entry {
        self.any(DType::F32)
    }

    /// A float with at least `rank` axes, none of them empty.
    pub fn full(&mut self, rank: usize) -> Entry {
        for _ in 0..6 {
            let entry = self.float();
            if entry.tensor.shape().is_ok_and(|s| s.rank() >= rank && s.elements() > 0) {
                return entry;
            }
        }
        let dims: Vec<usize> = (0..rank.max(1)).map(|_| 2 + self.random.below(6)).collect();
        self.leaf(&dims.into())
    }

    /// A partner that broadcasts with a tensor: one of the pool, itself, or a leaf along its last axes.
    pub fn partner(&mut self, of: &Entry, dtype: DType) -> Entry {
        let Ok(shape) = of.tensor.shape().cloned() else { return of.clone() };
        for _ in 0..4 {
            let other = self.any(dtype);
            let joint = other.tensor.shape().ok().and_then(|s| s.broadcast(&shape));
            if joint.is_some_and(|s| s.elements() <= LARGEST) {
                return other;
            }
        }
        let first = self.random.below(shape.rank() + 1);
        let mut dims: Vec<usize> = shape[first..].to_vec();
        if let Some(axis) = dims.first_mut().filter(|_| self.random.chance(0.3)) {
            *axis = 1;
        }
        if dtype == DType::F32 {
            return self.leaf(&dims.into());
        }
        let tensor = self.whole(&dims.into(), dtype);
        self.push(tensor, 200.0)
    }

    /// Uploads positions below `n`, some of them just outside.
    pub fn positions(&mut self, shape: &Shape, n: usize) -> Tensor {
        let outside = usize::from(self.random.chance(0.1));
        let values = (0..shape.elements()).map(|_| self.random.below(n + outside) as f64).collect();
        self.ground.leaf(crate::reference::Array::exact(shape.clone(), DType::U32, values))
    }

    /// One to three of the newest tensors, and the gradients of a sum of floats if it has them.
    pub fn roots(mut self) -> Result<Vec<Tensor>> {
        let n = 1 + self.random.below(3);
        let newest = self.entries.len().saturating_sub(4);
        let mut roots: Vec<Tensor> = Vec::new();
        for _ in 0..n {
            let at = newest + self.random.below(self.entries.len() - newest);
            roots.push(self.entries[at].tensor.clone());
        }
        if let Some(last) = self.entries.last() {
            roots.push(last.tensor.clone());
        }
        if self.random.chance(0.4) {
            let floats = roots.iter().filter(|t| t.dtype().is_ok_and(|d| d == DType::F32));
            let loss = floats.map(|t| t.sin().sum(..)).reduce(|a, b| a.add(&b));
            if let Some(loss) = loss {
                let leaf = self.leaves[self.random.below(self.leaves.len())].clone();
                roots.extend(loss.grad(&[&leaf])?);
            }
        }
        roots.into_iter().map(Tensor::check).collect()
    }
}
