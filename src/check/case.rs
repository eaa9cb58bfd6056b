//! What a case is: one operation, the domain of its inputs, and the shapes and layouts it is tried at.

use super::input::{Domain, Layout};
use crate::dtype::DType;
use crate::shape::Shape;
use crate::tensor::Tensor;

/// Builds the results of a case from its inputs.
pub type Build = Box<dyn Fn(&[Tensor]) -> Vec<Tensor>>;

/// One row of the table: an operation with all that is needed to check it.
pub struct Case {
    /// Unique; the method's name, and what tells its rows apart.
    pub name: String,
    /// One per input.
    pub inputs: Vec<Domain>,
    /// What is tried.
    pub variants: Vec<Variant>,
    /// Derivatives up to this order are checked.
    pub order: u8,
    /// The graph.
    pub build: Build,
}

/// One try of a case.
#[derive(Clone, Debug)]
pub struct Variant {
    /// One per input.
    pub shapes: Vec<Shape>,
    /// Of all inputs.
    pub layout: Layout,
    /// Derivatives up to this order are checked here.
    pub order: u8,
    /// The inputs are what every engine got wrong once, in all combinations; forward only.
    pub awkward: bool,
}

impl Variant {
    /// A try with contiguous inputs.
    #[must_use]
    pub fn plain(shapes: Vec<Shape>, order: u8) -> Self {
        Self { shapes, layout: Layout::Plain, order, awkward: false }
    }

    /// As text, part of the name of an outcome.
    #[must_use]
    pub fn label(&self) -> String {
        let shapes: Vec<String> = self.shapes.iter().map(ToString::to_string).collect();
        let layout = match self.layout {
            Layout::Plain => "",
            Layout::Permuted => " permuted",
            Layout::Sliced => " sliced",
            Layout::Flipped => " flipped",
            Layout::Broadcast => " broadcast",
        };
        format!("{}{layout}{}", shapes.join(" "), if self.awkward { " awkward" } else { "" })
    }
}

/// Any floats of order one.
pub const ANY: Domain = Domain::Real(DType::F32, &[(-3.0, 3.0)]);
/// Floats well above 0.
pub const POSITIVE: Domain = Domain::Real(DType::F32, &[(0.3, 4.0)]);
/// Floats of both signs away from 0.
pub const NONZERO: Domain = Domain::Real(DType::F32, &[(-3.0, -0.3), (0.3, 3.0)]);
/// Floats well within `(-1, 1)`.
pub const UNIT: Domain = Domain::Real(DType::F32, &[(-0.9, 0.9)]);
/// Probabilities.
pub const FRACTION: Domain = Domain::Real(DType::F32, &[(0.05, 0.95)]);

impl Case {
    /// An operation of any inputs at given shapes: each tuple of shapes is tried contiguous, with derivatives.
    #[must_use]
    pub fn at(name: &str, inputs: &[Domain], shapes: &[&[&[usize]]], order: u8, build: Build) -> Self {
        let variants = shapes
            .iter()
            .map(|tuple| Variant::plain(tuple.iter().map(|&dims| Shape::from(dims)).collect(), order))
            .collect();
        Self { name: name.to_owned(), inputs: inputs.to_vec(), variants, order, build }
    }

    /// [`Case::at`] with inputs of one shape.
    #[must_use]
    pub fn alike(name: &str, inputs: &[Domain], shapes: &[&[usize]], order: u8, build: Build) -> Self {
        let variants =
            shapes.iter().map(|&dims| Variant::plain(vec![Shape::from(dims); inputs.len()], order)).collect();
        Self { name: name.to_owned(), inputs: inputs.to_vec(), variants, order, build }
    }

    /// The same with more layouts, at the last tuple of shapes.
    #[must_use]
    pub fn with_layouts(mut self, layouts: &[Layout]) -> Self {
        if let Some(last) = self.variants.last().cloned() {
            self.variants.extend(layouts.iter().map(|&layout| Variant {
                layout,
                order: last.order.min(1),
                ..last.clone()
            }));
        }
        self
    }

    /// An elementwise operation: lengths around the width of a workgroup, a scalar, nothing, a prime beyond two
    /// workgroups; a matrix in every layout; awkward values in all combinations.
    #[must_use]
    pub fn elementwise(name: &str, inputs: &[Domain], order: u8, build: Build) -> Self {
        let n = inputs.len();
        let all = |dims: &[usize], layout: Layout, order: u8| Variant {
            shapes: vec![Shape::from(dims); n],
            layout,
            order,
            awkward: false,
        };
        let mut variants = vec![all(&[], Layout::Plain, 0)];
        for length in [0, 1, 2, 255, 256, 521] {
            variants.push(all(&[length], Layout::Plain, 0));
        }
        variants.push(all(&[3], Layout::Plain, 2));
        variants.push(all(&[257], Layout::Plain, 1));
        for layout in [Layout::Permuted, Layout::Sliced, Layout::Flipped, Layout::Broadcast] {
            variants.push(all(&[7, 13], layout, 1));
        }
        if n <= 2 {
            let count: usize = inputs.iter().map(|d| d.awkward().len()).product();
            variants.push(Variant { awkward: true, ..all(&[count], Layout::Plain, 0) });
        }
        Self { name: name.to_owned(), inputs: inputs.to_vec(), variants, order, build }
    }

    /// Several inputs that broadcast against each other.
    #[must_use]
    pub fn broadcasting(name: &str, inputs: &[Domain], order: u8, build: Build) -> Self {
        let pairs: &[&[&[usize]]] = if inputs.len() == 2 {
            &[&[&[5, 1], &[1, 7]], &[&[], &[4, 3]], &[&[2, 3, 4], &[3, 1]], &[&[0, 3], &[3]]]
        } else {
            &[&[&[5, 1], &[1, 7], &[5, 7]], &[&[], &[4, 3], &[3]], &[&[2, 1, 1], &[3, 1], &[4]]]
        };
        let mut case = Self::at(&format!("{name}/broadcast"), inputs, pairs, order, build);
        case.variants.iter_mut().for_each(|v| v.order = v.order.min(1));
        case
    }

    /// The awkward inputs of this case: every combination.
    #[must_use]
    pub fn awkward(&self, input: usize) -> Vec<f64> {
        let lists: Vec<Vec<f64>> = self.inputs.iter().map(|d| d.awkward()).collect();
        let total: usize = lists.iter().map(Vec::len).product();
        let before: usize = lists[..input].iter().map(Vec::len).product();
        (0..total).map(|i| lists[input][i / before % lists[input].len()]).collect()
    }
}

/// A build of one result from one input.
pub fn one(f: impl Fn(&Tensor) -> Tensor + 'static) -> Build {
    Box::new(move |x| vec![f(&x[0])])
}

/// A build of one result from two inputs.
pub fn two(f: impl Fn(&Tensor, &Tensor) -> Tensor + 'static) -> Build {
    Box::new(move |x| vec![f(&x[0], &x[1])])
}

/// A build of one result from three inputs.
pub fn three(f: impl Fn(&Tensor, &Tensor, &Tensor) -> Tensor + 'static) -> Build {
    Box::new(move |x| vec![f(&x[0], &x[1], &x[2])])
}
