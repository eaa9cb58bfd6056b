//! Shapes: up to eight axes, row-major, at most 2^31 - 1 elements.

use std::fmt;
use std::ops::Deref;

/// The greatest number of axes.
pub const MAX_RANK: usize = 8;

/// The greatest number of elements: index arithmetic in shaders is 32-bit signed.
pub const MAX_LEN: usize = i32::MAX as usize;

/// The length of each axis, outermost first. Dereferences to `[usize]`.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Shape(Vec<usize>);

impl Shape {
    /// The shape of a scalar.
    #[must_use]
    pub const fn scalar() -> Self {
        Self(Vec::new())
    }

    /// The axes.
    #[must_use]
    pub fn dims(&self) -> &[usize] {
        &self.0
    }

    /// The number of axes.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// The number of elements (1 for a scalar); saturates, so that an absurd shape is still refused by the limit.
    #[must_use]
    pub fn elements(&self) -> usize {
        self.0.iter().fold(1usize, |n, &d| n.saturating_mul(d))
    }

    /// Row-major strides, in elements.
    #[must_use]
    pub fn strides(&self) -> Vec<usize> {
        let mut strides = vec![1usize; self.rank()];
        for axis in (0..self.rank().saturating_sub(1)).rev() {
            strides[axis] = strides[axis + 1].saturating_mul(self.0[axis + 1]);
        }
        strides
    }

    /// The shape both broadcast to by the usual rule (align right; equal or 1), or `None`.
    #[must_use]
    pub fn broadcast(&self, other: &Shape) -> Option<Shape> {
        let rank = self.rank().max(other.rank());
        let at = |s: &Shape, i: usize| if i + s.rank() >= rank { s.0[i + s.rank() - rank] } else { 1 };
        (0..rank)
            .map(|i| match (at(self, i), at(other, i)) {
                (a, b) if a == b => Some(a),
                (1, b) => Some(b),
                (a, 1) => Some(a),
                _ => None,
            })
            .collect::<Option<Vec<_>>>()
            .map(Shape)
    }

    /// The shape without the given axes.
    #[must_use]
    pub fn without(&self, axes: &[usize]) -> Shape {
        Shape(self.0.iter().enumerate().filter(|(i, _)| !axes.contains(i)).map(|(_, &d)| d).collect())
    }

    /// The shape with the given axes set to 1.
    #[must_use]
    pub fn keeping(&self, axes: &[usize]) -> Shape {
        Shape(self.0.iter().enumerate().map(|(i, &d)| if axes.contains(&i) { 1 } else { d }).collect())
    }
}

impl Deref for Shape {
    type Target = [usize];
    fn deref(&self) -> &[usize] {
        &self.0
    }
}

impl From<&[usize]> for Shape {
    fn from(dims: &[usize]) -> Self {
        Self(dims.to_vec())
    }
}
impl From<Vec<usize>> for Shape {
    fn from(dims: Vec<usize>) -> Self {
        Self(dims)
    }
}
impl From<&Vec<usize>> for Shape {
    fn from(dims: &Vec<usize>) -> Self {
        Self(dims.clone())
    }
}
impl<const N: usize> From<[usize; N]> for Shape {
    fn from(dims: [usize; N]) -> Self {
        Self(dims.to_vec())
    }
}
impl<const N: usize> From<&[usize; N]> for Shape {
    fn from(dims: &[usize; N]) -> Self {
        Self(dims.to_vec())
    }
}
impl From<&Shape> for Shape {
    fn from(shape: &Shape) -> Self {
        shape.clone()
    }
}
impl From<usize> for Shape {
    fn from(dim: usize) -> Self {
        Self(vec![dim])
    }
}
impl From<()> for Shape {
    fn from((): ()) -> Self {
        Self::scalar()
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}
impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broadcast_follows_the_usual_rule() {
        let b = |a: &[usize], c: &[usize]| Shape::from(a).broadcast(&Shape::from(c)).map(|s| s.dims().to_vec());
        assert_eq!(b(&[3, 1], &[4]), Some(vec![3, 4]));
        assert_eq!(b(&[], &[2, 0]), Some(vec![2, 0]));
        assert_eq!(b(&[1], &[0]), Some(vec![0]));
        assert_eq!(b(&[2], &[3]), None);
    }

    #[test]
    fn an_absurd_shape_saturates() {
        assert_eq!(Shape::from([usize::MAX, 3]).elements(), usize::MAX);
        assert_eq!(Shape::from([usize::MAX, 0]).elements(), 0);
        assert_eq!(Shape::scalar().elements(), 1);
        assert_eq!(Shape::from([2, 3, 4]).strides(), vec![12, 4, 1]);
    }
}
